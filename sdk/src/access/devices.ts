/** Who may use a broker and a gateway: devices and gateways with their logins, the keys of devices, and the policy. */
import { z } from 'zod';
import { SplitError } from '../errors.ts';
import { KEY_BYTES, parseKey } from '../transport/sealing-keys.ts';
import { modelSession } from './agent-names.ts';
import { parsePasswordHash } from './password.ts';

export interface Devices {
  /** First level of every topic. */
  readonly namespace: string;
  /** Of payloads, above TLS. `optional`: requests in the clear are taken as well. `none`: no device has a key. */
  readonly encryption: 'required' | 'optional' | 'none';
  readonly devices: readonly DeviceEntry[];
  readonly gateways: readonly LoginEntry[];
  /** Who leads edge agents: what they shall run, commands, bundles, inputs and results. */
  readonly fleet: readonly LoginEntry[];
}

/** A login is the id and a password, its hash, or a client certificate with the id as its common name. */
export interface LoginEntry {
  readonly id: string;
  readonly password?: string | undefined;
  readonly passwordHash?: string | undefined;
}

export interface DeviceEntry extends LoginEntry {
  /** Further names that this login's sessions may go by. */
  readonly sessions: readonly string[];
  /** Models of the edge agent that runs under this login; empty where none does. */
  readonly agent: readonly string[];
  readonly keys: readonly KeyEntry[];
}

/** Several hold at a time while keys are changed. */
export interface KeyEntry {
  readonly id: string;
  readonly key: string;
  /** ISO 8601, in UTC or with an offset; the key holds from then on. */
  readonly notBefore?: string | undefined;
  /** The key holds until then. */
  readonly notAfter?: string | undefined;
}

const MIN_PASSWORD_LENGTH = 16;

const Id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 _ -');
const Model = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 _ . -');
const Time = z.iso.datetime({ offset: true, error: 'expected a time such as 2026-01-31T00:00:00Z' });

const login = {
  id: Id,
  password: z
    .string()
    .min(
      MIN_PASSWORD_LENGTH,
      `expected ${MIN_PASSWORD_LENGTH} characters or more; no person has to remember it`,
    )
    .max(256)
    .optional(),
  passwordHash: z.string().refine(isHash, 'expected pbkdf2-sha512$ITERATIONS$SALT$HASH').optional(),
};

const Key = z.strictObject({
  id: Id,
  key: z.string().refine(isKey, `expected ${KEY_BYTES} bytes as base64url, which are 43 characters`),
  notBefore: Time.optional(),
  notAfter: Time.optional(),
});

const Device = z.strictObject({
  ...login,
  sessions: z.array(Id).max(64).default([]),
  agent: z.array(Model).max(64).default([]),
  keys: z.array(Key).max(64).default([]),
});

const File = z.strictObject({
  namespace: Id.default('cutpoint'),
  encryption: z.enum(['required', 'optional', 'none']).optional(),
  gateways: z.array(z.strictObject(login)).max(10_000).default([]),
  fleet: z.array(z.strictObject(login)).max(10_000).default([]),
  devices: z.array(Device).max(1_000_000).default([]),
});

/**
 * @param document what a devices file holds, as YAML or JSON gives it
 * @throws SplitError `options-invalid`, naming the field and never showing a secret
 */
export function parseDevices(document: unknown): Devices {
  const parsed = File.safeParse(document ?? {});
  if (!parsed.success) {
    const issues = parsed.error.issues.map(
      (issue) => `${z.core.toDotPath(issue.path) || 'file'}: ${issue.message}`,
    );
    throw new SplitError('options-invalid', issues.join('; '));
  }
  const hasKeys = parsed.data.devices.some(({ keys }) => keys.length > 0);
  const { encryption = hasKeys ? 'required' : 'none', ...rest } = parsed.data;
  const devices = { ...rest, encryption };
  check(devices, hasKeys);
  return devices;
}

function check(devices: Devices, hasKeys: boolean): void {
  checkOnce(devices);
  if (hasKeys && devices.encryption === 'none')
    throw new SplitError(
      'options-invalid',
      "encryption is 'none', and devices have keys; expected 'optional'",
    );
}

/** A name is one login's, and a key's id one key's: else a right or a seal could be taken for another's. */
function checkOnce({ devices, gateways, fleet }: Devices): void {
  const seen = new Set<string>();
  for (const name of [...[...gateways, ...fleet].map(({ id }) => id), ...devices.flatMap(namesOf)]) {
    if (seen.has(name)) throw new SplitError('options-invalid', `'${name}' is named twice`);
    seen.add(name);
  }
  for (const { id, keys } of devices) {
    const ids = new Set(keys.map((key) => key.id));
    if (ids.size < keys.length)
      throw new SplitError('options-invalid', `device ${id} has two keys of the same id`);
  }
}

/** The names under which a device may publish and hear. An agent without a key has a session by its model's name. */
export function namesOf({ id, sessions, agent }: DeviceEntry): readonly string[] {
  const models = agent.map((model) => modelSession(id, model));
  return [...new Set([id, ...sessions, ...models])];
}

/** Everybody who may connect. */
export function loginsOf({ gateways, devices, fleet }: Devices): readonly LoginEntry[] {
  return [...gateways, ...devices, ...fleet];
}

function isHash(text: string): boolean {
  return parsePasswordHash(text) !== undefined;
}

function isKey(text: string): boolean {
  try {
    return parseKey(text, 'key').length === KEY_BYTES;
  } catch {
    return false;
  }
}

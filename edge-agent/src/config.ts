/** What the agent is told: `edge.yaml` and the command line over it, checked once into one complete object. */
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import { describeIssues, isLoopback, type ListenAddress, parseListenAddress } from '@cutpoint/sdk/program';
import { parse } from 'yaml';
import type { z } from 'zod';
import { configSchema, type ModelConfig } from './config-schema.ts';

type Parsed = z.output<typeof configSchema>;

export interface AgentConfig extends Omit<Parsed, 'listen' | 'socket' | 'state'> {
  readonly listen: ListenAddress;
  /** Folder of all that the agent writes. @default .cutpoint beside the file */
  readonly state: string;
  /** Path of the Unix socket; none on Windows. @default edge.sock in `state` */
  readonly socket: string;
}

/** A file and flags, as the command line gives them; a flag wins over the file. */
export interface ConfigSources {
  /** YAML or JSON. Paths in it are relative to its folder. */
  readonly path?: string | undefined;
  readonly flags: Readonly<Record<string, unknown>>;
}

const MAX_CONFIG_BYTES = 1 << 20;

/** @throws SplitError `options-invalid`, naming the file and every key that is wrong */
export async function loadConfig({ path, flags }: ConfigSources): Promise<AgentConfig> {
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const fromFile = path === undefined ? {} : await readYaml(path);
  const parsed = configSchema.safeParse({ ...fromFile, ...given });
  if (!parsed.success)
    throw new SplitError('options-invalid', `${path ?? 'options'}: ${describeIssues(parsed.error)}`);
  const base = path === undefined ? '.' : dirname(path);
  return complete(parsed.data, { file: base, models: 'models' in given ? '.' : base });
}

/** The folders against which paths of the file, and those of the models, are resolved. */
interface Bases {
  readonly file: string;
  readonly models: string;
}

function complete(parsed: Parsed, bases: Bases): AgentConfig {
  const { listen, models, watch, tls, encryption, audit, ...rest } = parsed;
  const here = (path: string) => resolve(bases.file, path);
  const maybe = (path: string | undefined) => (path === undefined ? undefined : here(path));
  if (watch !== undefined && !Object.hasOwn(models, watch.model))
    throw new SplitError('options-invalid', `watch.model is '${watch.model}', which is not under models`);
  for (const name of ['watch', 'mqttInputs', 'homeAssistant'] as const) {
    if (parsed.device === undefined && parsed[name])
      throw new SplitError('options-invalid', `${name} needs device, this device's name on the broker`);
  }
  const state = here(parsed.state ?? '.cutpoint');
  return defined({
    ...rest,
    listen: loopbackAddress(listen),
    models: resolvePaths(models, bases.models),
    state,
    socket: maybe(parsed.socket) ?? join(state, 'edge.sock'),
    passwordFile: maybe(rest.passwordFile),
    tls: tls && defined({ ca: maybe(tls.ca), cert: maybe(tls.cert), key: maybe(tls.key) }),
    encryption: encryption && { ...encryption, keyFile: here(encryption.keyFile) },
    gatewayKeys: maybe(rest.gatewayKeys),
    audit: audit && defined({ file: here(audit.file), key: maybe(audit.key) }),
    watch: watch && { ...watch, folder: here(watch.folder) },
    updates: defined({ ...rest.updates, keys: maybe(rest.updates.keys) }),
  });
}

/** Reads `name=path[,name=path]`. @throws SplitError `options-invalid` */
export function parseModelFlag(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').map((pair): [string, string] => {
    const at = pair.indexOf('=');
    if (at > 0 && at < pair.length - 1) return [pair.slice(0, at), pair.slice(at + 1)];
    throw new SplitError(
      'options-invalid',
      `model is '${pair}'; expected NAME=PATH, more of them after commas`,
    );
  });
  return Object.fromEntries(pairs);
}

function resolvePaths(models: Readonly<Record<string, ModelConfig>>, base: string): AgentConfig['models'] {
  const here = (path: string | undefined) => (path === undefined ? undefined : resolve(base, path));
  const entries = Object.entries(models).map(([name, model]) => [
    name,
    defined({
      ...model,
      path: here(model.path),
      plan: here(model.plan),
      policy: here(model.policy),
      labels: here(model.labels),
    }),
  ]);
  return Object.fromEntries(entries);
}

/** Without the keys that nobody gave. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}

async function readYaml(path: string): Promise<object> {
  const text = await readText(path);
  let value: unknown;
  try {
    // Aliases that expand without end are refused by the parser's own limit.
    value = parse(text);
  } catch (cause) {
    throw new SplitError('options-invalid', `${path} is not YAML: ${(cause as Error).message}`, { cause });
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new SplitError('options-invalid', `${path} holds ${typeof value}; expected a map of options`);
}

async function readText(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length <= MAX_CONFIG_BYTES) return text;
    throw new SplitError(
      'options-invalid',
      `${path} has ${text.length} bytes; the limit is ${MAX_CONFIG_BYTES}`,
    );
  } catch (cause) {
    if (cause instanceof SplitError) throw cause;
    throw new SplitError('options-invalid', `config is ${path}, which cannot be read: ${String(cause)}`, {
      cause,
    });
  }
}

/** This machine only, because the API has no login. */
function loopbackAddress(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (isLoopback(address.host)) return address;
  throw new SplitError(
    'options-invalid',
    `listen host is '${address.host}'; expected a loopback address, because the API has no login`,
  );
}

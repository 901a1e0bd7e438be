/** The gateway's way to the next stages: by its own broker, or by one of its own choosing. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { openCounters } from '@cutpoint/sdk/bundle';
import {
  type AuditTrail,
  type Clock,
  createRequestClient,
  type DeviceKey,
  memoryCounters,
  openMqtt,
  readGatewayKeys,
  SplitError,
  type Transport,
  withoutLogin,
} from '@cutpoint/sdk/gateway';
import type { GatewayConfig } from '../config.ts';
import type { Log } from '../log.ts';
import { createNextGates, type NextGates } from '../policy/next-gates.ts';
import { createNextStage, type NextStage } from './next-stage.ts';

export interface NextParts {
  readonly config: GatewayConfig;
  /** The gateway's own connection. */
  readonly own: Transport;
  readonly clock: Clock;
  readonly log: Log;
  /** Where it is noted whom requests under a policy may be handed on to. */
  readonly trail: AuditTrail;
}

/**
 * Towards the next stage the gateway is a device, named as its login there, or as itself, and seals as one where it has a key.
 * Undefined where it hands nothing on.
 * @throws SplitError `options-invalid` for a key that cannot be read or used
 */
export async function connectNext({
  config,
  own,
  clock,
  log,
  trail,
}: NextParts): Promise<NextStage | undefined> {
  const { id, namespace, next, maxPayloadBytes, region } = config;
  if (next === undefined) return undefined;
  const encryption = await keyOf(config);
  const gates = await gatesOf(config, trail);
  // One that is away keeps nobody from starting: requests are handed on when it is there.
  const transport = next === 'own' ? own : openMqtt({ url: next, clientId: `${id}-next` });
  if (next !== 'own') log.info({ broker: withoutLogin(next) }, 'requests are handed on by another broker');
  const client = createRequestClient({
    ...{ transport, deviceId: loginOf(next) ?? id, namespace, clock, maxPayloadBytes, encryption },
    ...(region !== undefined && { region }),
    randomId: () => randomBytes(12).toString('hex'),
  });
  await client.start();
  const closeConnection = next === 'own' ? async () => {} : () => transport.close();
  const seals = encryption !== undefined;
  return createNextStage({ client, gatewayId: id, clock, seals, gates, trail, closeConnection });
}

async function gatesOf(
  { nextGatewayKeys: path, nextGatewayCounters: kept }: GatewayConfig,
  trail: AuditTrail,
): Promise<NextGates> {
  const keys = path === undefined ? [] : await readGatewayKeys(await readText('nextGatewayKeys', path));
  const counters = kept === undefined ? memoryCounters() : await openCounters(kept);
  return createNextGates({ keys, counters, trail });
}

async function keyOf({ nextKeyId: keyId, nextKey: path }: GatewayConfig): Promise<DeviceKey | undefined> {
  if (path === undefined || keyId === undefined) return undefined;
  return { keyId, key: (await readText('nextKey', path)).trim() };
}

function readText(option: string, path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new SplitError('options-invalid', `${option} is ${path}, which cannot be read`, { cause });
  });
}

/** Brokers let a device use its login's name alone. */
function loginOf(next: string): string | undefined {
  return next === 'own' ? undefined : decodeURIComponent(new URL(next).username) || undefined;
}

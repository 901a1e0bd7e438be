/** The gateway's way to the next stages: by its own broker, or by one of its own choosing. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  type Clock,
  createRequestClient,
  type DeviceKey,
  openMqtt,
  SplitError,
  type Transport,
  withoutLogin,
} from '@cutpoint/sdk/gateway';
import type { GatewayConfig } from '../config.ts';
import type { Log } from '../log.ts';
import { createNextStage, type NextStage } from './next-stage.ts';

export interface NextParts {
  readonly config: GatewayConfig;
  /** The gateway's own connection. */
  readonly own: Transport;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Towards the next stage the gateway is a device, named as its login there, or as itself, and seals as one where it has a key.
 * Undefined where it hands nothing on.
 * @throws SplitError `options-invalid` for a key that cannot be read or used
 */
export async function connectNext({ config, own, clock, log }: NextParts): Promise<NextStage | undefined> {
  const { id, namespace, next, maxPayloadBytes, region } = config;
  if (next === undefined) return undefined;
  const encryption = await keyOf(config);
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
  return createNextStage({ client, gatewayId: id, clock, seals: encryption !== undefined, closeConnection });
}

async function keyOf({ nextKeyId: keyId, nextKey: path }: GatewayConfig): Promise<DeviceKey | undefined> {
  if (path === undefined || keyId === undefined) return undefined;
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new SplitError('options-invalid', `nextKey is ${path}, which cannot be read`, { cause });
  });
  return { keyId, key: text.trim() };
}

/** Brokers let a device use its login's name alone. */
function loginOf(next: string): string | undefined {
  return next === 'own' ? undefined : decodeURIComponent(new URL(next).username) || undefined;
}

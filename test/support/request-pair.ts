/** A gateway and devices for tests of request-client.ts and request-server.ts. All end with the test that made them. */
import { randomUUID } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';
import { systemClock } from '../../sdk/src/clock.ts';
import { decodeEnvelope, encodeEnvelope } from '../../sdk/src/protocol/envelope.ts';
import { memoryBroker } from '../../sdk/src/transport/memory.ts';
import { connectMqtt } from '../../sdk/src/transport/mqtt.ts';
import {
  createRequestClient,
  type Reply,
  type RequestClient,
} from '../../sdk/src/transport/request-client.ts';
import {
  createRequestServer,
  type IncomingRequest,
  type OutgoingReply,
  offlineWill,
  type RequestServer,
} from '../../sdk/src/transport/request-server.ts';
import type { Transport, Will } from '../../sdk/src/transport/transport.ts';
import { startAedes } from './aedes.ts';
import { startMosquitto } from './mosquitto.ts';

export type Connect = (options?: { readonly will?: Will }) => Promise<Transport>;
export type Handle = (request: IncomingRequest) => Promise<OutgoingReply>;

const clock = systemClock();

export async function serve(
  connect: Connect,
  handle: Handle,
  limits: { readonly maxPayloadBytes?: number; readonly announcedBytes?: number } = {},
): Promise<RequestServer> {
  const transport = await connect({ will: offlineWill({ gatewayId: 'gw' }) });
  const { maxPayloadBytes = 64 * 1024 * 1024, announcedBytes = maxPayloadBytes } = limits;
  const models = [{ name: 'm', digest: 'd', cuts: [{ id: 'c', tailMs: 1 }] }];
  const announce = () => ({ state: 'ready', models, maxPayloadBytes: announcedBytes }) as const;
  const server = createRequestServer({
    transport,
    gatewayId: 'gw',
    clock,
    maxPayloadBytes,
    announce,
    handle,
  });
  await server.start();
  onTestFinished(async () => {
    await server.stop();
    await transport.close();
  });
  return server;
}

export async function join(
  connect: Connect,
  limits: { maxPayloadBytes?: number } = {},
  waits = true,
): Promise<RequestClient> {
  const transport = await connect();
  const client = createRequestClient({
    transport,
    deviceId: 'dev',
    clock,
    randomId: () => randomUUID(),
    ...limits,
  });
  await client.start();
  onTestFinished(async () => {
    await client.close();
    await transport.close();
  });
  if (waits) await client.waitForGateway('m', { deadlineMs: 10_000 });
  return client;
}

export interface Ask {
  readonly frame: Uint8Array;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export function ask(client: RequestClient, { frame, deadlineMs = 5_000, signal }: Ask): Promise<Reply> {
  const request = {
    model: 'm',
    digest: 'd',
    cut: 'c',
    tensors: [{ name: 'x', frame }],
    fetches: ['y'],
    replyProfile: 'p',
  };
  return client.request('gw', request, { deadlineMs, ...(signal && { signal }) });
}

export async function reversed({ tensors }: IncomingRequest): Promise<OutgoingReply> {
  return replyOf(tensors[0]?.frame.toReversed() ?? new Uint8Array(0));
}

export function replyOf(frame: Uint8Array): OutgoingReply {
  return { tensors: [{ name: 'x', frame }], queueMs: 1, decodeMs: 2, tailMs: 3, encodeMs: 4 };
}

/** A device that writes its own bytes. */
export async function rawDevice(transport: Transport, device = 'raw') {
  const headers: { t: string }[] = [];
  await transport.subscribe(`cutpoint/dev/${device}/rep`, (_, payload) => {
    headers.push(decodeEnvelope(payload).header as { t: string });
  });
  const types = () => headers.map(({ t }) => t);
  return {
    headers,
    types,
    send: (header: object, payload = patterned(4, 1)) =>
      transport.publish(`cutpoint/gw/gw/req/${device}`, encodeEnvelope(header, [payload])),
    heard: (type: string, count: number) =>
      expect.poll(() => types().filter((one) => one === type)).toHaveLength(count),
  };
}

export function rawRequest(id: string) {
  const part = { part: 0, parts: 1, totalBytes: 4, attempt: 1, windowBytes: 65_536 };
  const tensors = [{ name: 'x', bytes: 4 }];
  return {
    v: 1,
    t: 'request',
    id,
    model: 'm',
    digest: 'd',
    cut: 'c',
    tensors,
    fetches: ['y'],
    replyProfile: 'p',
    deadlineMs: 5_000,
    ...part,
  };
}

export async function inMemory(faults = {}): Promise<Connect> {
  const broker = memoryBroker({ faults });
  return async (options) => broker.connect(options);
}

export async function onAedes(): Promise<Connect> {
  const broker = await startAedes();
  onTestFinished(() => broker.close());
  return (options) => open(broker.url, options);
}

export async function onMosquitto(): Promise<Connect> {
  const broker = await startMosquitto();
  onTestFinished(() => broker.close());
  return (options) => open(broker.url, options);
}

export function open(url: string, options: { readonly will?: Will } = {}): Promise<Transport> {
  return connectMqtt({ url, reconnectMs: 20, ...options });
}

export function patterned(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 13 + (index >> 9) + seed * 31) & 255;
  return bytes;
}

import { afterEach, describe, expect, test, vi } from 'vitest';
import { startAedes } from '../../../test/support/aedes.ts';
import { mosquittoMissing, startMosquitto } from '../../../test/support/mosquitto.ts';
import { systemClock } from '../clock.ts';
import { SplitError } from '../errors.ts';
import { decodeEnvelope, encodeEnvelope } from '../protocol/envelope.ts';
import { memoryBroker } from './memory.ts';
import { connectMqtt } from './mqtt.ts';
import { createRequestClient, type RequestClient } from './request-client.ts';
import {
  createRequestServer,
  type IncomingRequest,
  type OutgoingReply,
  offlineWill,
  type RequestServer,
} from './request-server.ts';
import type { Transport, Will } from './transport.ts';

type Connect = (options?: { readonly will?: Will }) => Promise<Transport>;
type Handle = (request: IncomingRequest) => Promise<OutgoingReply>;

const clock = systemClock();
const undo: (() => unknown)[] = [];
let ids = 0;

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

describe.each([
  ['memory', undefined, inMemory],
  ['aedes', undefined, onAedes],
  ['Mosquitto', mosquittoMissing(), onMosquitto],
] as const)('requests over %s', (_, skipReason, makeConnect) => {
  test.skipIf(skipReason !== undefined)('several large requests at once each get their own reply', async () => {
    const connect = await makeConnect();
    await serve(connect, reversed);
    const client = await join(connect);
    const frames = [1, 2, 3, 4].map((seed) => patterned(800_000, seed));
    const replies = await Promise.all(frames.map((frame) => ask(client, { frame, deadlineMs: 20_000 })));
    for (const [index, reply] of replies.entries()) {
      expect(Buffer.compare(reply.tensors[0]?.frame ?? patterned(1, 0), frames[index]?.toReversed() ?? patterned(1, 0))).toBe(0);
      expect(reply.timings).toMatchObject({ attempts: 1, queueMs: 1, decodeMs: 2, tailMs: 3, encodeMs: 4 });
      expect(reply.timings.sentBytes).toBeGreaterThan(800_000);
      expect(reply.timings.receivedBytes).toBeGreaterThan(800_000);
    }
  });

  test.skipIf(skipReason !== undefined)('small requests come back, and the stages add up to the round trip', async () => {
    const connect = await makeConnect();
    await serve(connect, reversed);
    const client = await join(connect);
    for (let index = 0; index < 20; index++) {
      const { tensors, timings } = await ask(client, { frame: patterned(1024, index) });
      expect(tensors).toEqual([{ name: 'x', frame: patterned(1024, index).toReversed() }]);
      expect(timings.uplinkMs).toBeGreaterThanOrEqual(0);
      expect(timings.downlinkMs).toBeGreaterThanOrEqual(0);
      expect(timings.uplinkMs + timings.downlinkMs).toBeLessThanOrEqual(timings.roundTripMs + 1e-6);
    }
  });
});

test('loss, duplication and reordering are made up for, and nothing is run twice', async () => {
  const faults = { loss: 0.03, duplication: 0.1, reorder: 0.2, seed: 42 };
  const connect = inMemory(faults);
  const seen: string[] = [];
  await serve(await connect, async (request) => {
    seen.push(request.id);
    return reversed(request);
  });
  const client = await join(await connect);
  for (let index = 0; index < 8; index++) {
    const frame = patterned(index * 90_000, index);
    const { tensors } = await ask(client, { frame, deadlineMs: 3_000 });
    expect(Buffer.compare(tensors[0]?.frame ?? patterned(1, 0), frame.toReversed())).toBe(0);
  }
  expect(seen).toHaveLength(8);
  expect(new Set(seen).size).toBe(8);
});

test('a gateway that dies during the request fails it at once', async () => {
  const broker = memoryBroker();
  const connection = broker.connect({ will: offlineWill({ gatewayId: 'gw' }) });
  await serve(async () => connection, () => new Promise(() => {}));
  const client = await join(async () => broker.connect());
  const reply = ask(client, { frame: patterned(10, 1), deadlineMs: 25_000 });
  const failure = expect(reply).rejects.toMatchObject({ code: 'gateway-unavailable', message: /gw went away/ });
  await clock.sleep(20);
  connection.drop();
  await failure;
  expect(client.gateways()).toEqual([]);
});

test('a reply goes to the device that the topic names, whatever the message says', async () => {
  const broker = memoryBroker();
  await serve(async () => broker.connect(), reversed);
  const rogue = broker.connect();
  const heard: string[] = [];
  await rogue.subscribe('cutpoint/dev/+/rep', (topic) => heard.push(topic));
  const header = { ...rawRequest('r1'), device: 'victim', replyTopic: 'cutpoint/dev/victim/rep', gateway: 'victim' };
  await rogue.publish('cutpoint/gw/gw/req/rogue', encodeEnvelope(header, [patterned(4, 1)]));
  await vi.waitFor(() => expect(heard).toEqual(['cutpoint/dev/rogue/rep']));
});

test('a repeated request is answered again and run once', async () => {
  const broker = memoryBroker();
  const handle = vi.fn(reversed);
  await serve(async () => broker.connect(), handle);
  const raw = await rawDevice(broker.connect());
  await raw.send({ ...rawRequest('same'), attempt: 1 });
  await raw.heard('result', 1);
  await raw.send({ ...rawRequest('same'), attempt: 1 });
  await raw.send({ ...rawRequest('same'), attempt: 2 });
  await raw.heard('result', 2);
  expect(handle).toHaveBeenCalledTimes(1);
  expect(raw.types()).toEqual(['result', 'credit', 'result']);
});

test('the same id of two devices is two requests', async () => {
  const broker = memoryBroker();
  const handle = vi.fn(reversed);
  await serve(async () => broker.connect(), handle);
  const [a, b] = [await rawDevice(broker.connect(), 'a'), await rawDevice(broker.connect(), 'b')];
  await a.send(rawRequest('same'));
  await b.send(rawRequest('same'));
  await a.heard('result', 1);
  await b.heard('result', 1);
  expect(handle.mock.calls.map(([{ device }]) => device)).toEqual(['a', 'b']);
});

test('a request that the gateway announced as too large is not sent', async () => {
  const broker = memoryBroker();
  await serve(async () => broker.connect(), reversed, { maxPayloadBytes: 1_000 });
  const client = await join(async () => broker.connect());
  const failure = ask(client, { frame: patterned(1_001, 1) });
  await expect(failure).rejects.toMatchObject({ code: 'payload-too-large', message: /1001 bytes exceeds 1000/ });
});

test('a gateway refuses too large a request at its first part', async () => {
  const broker = memoryBroker();
  const handle = vi.fn(reversed);
  await serve(async () => broker.connect(), handle, { maxPayloadBytes: 100_000, announcedBytes: 10 ** 9 });
  const client = await join(async () => broker.connect());
  const failure = ask(client, { frame: patterned(3_000_000, 1), deadlineMs: 20_000 });
  await expect(failure).rejects.toMatchObject({ code: 'payload-too-large', message: /3000000 bytes exceeds 100000/ });
  expect(handle).not.toHaveBeenCalled();
});

test('a reply over the device’s limit fails the request', async () => {
  const broker = memoryBroker();
  await serve(async () => broker.connect(), async () => replyOf(patterned(500_000, 1)));
  const client = await join(async () => broker.connect(), { maxPayloadBytes: 100_000 });
  await expect(ask(client, { frame: patterned(9, 1) })).rejects.toMatchObject({ code: 'payload-too-large' });
});

test('silence ends with the deadline, after the request was sent three times', async () => {
  const broker = memoryBroker();
  const client = await join(async () => broker.connect(), {}, false);
  const sent: number[] = [];
  await broker.connect().subscribe('cutpoint/gw/gw/req/+', (_, payload) => {
    const { header } = decodeEnvelope(payload);
    sent.push((header as { attempt: number }).attempt);
  });
  const failure = ask(client, { frame: patterned(9, 1), deadlineMs: 150 });
  await expect(failure).rejects.toMatchObject({ code: 'deadline-exceeded', message: /within 150 ms/ });
  expect(sent.slice(0, 2)).toEqual([1, 2]);
});

test('the handler is told when the deadline has passed, and its late reply is not sent', async () => {
  const broker = memoryBroker();
  const reasons: unknown[] = [];
  await serve(async () => broker.connect(), async (request) => {
    await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
    reasons.push(request.signal.reason);
    return reversed(request);
  });
  const client = await join(async () => broker.connect());
  await expect(ask(client, { frame: patterned(9, 1), deadlineMs: 60 })).rejects.toMatchObject({ code: 'deadline-exceeded' });
  await vi.waitFor(() => expect(reasons).toMatchObject([{ code: 'deadline-exceeded' }]));
  await clock.sleep(10);
  expect(client.stats()).toEqual({ lateReplies: 0, invalidMessages: 0 });
});

test('the caller’s signal ends a request, and its late reply is counted and dropped', async () => {
  const broker = memoryBroker();
  let answer = (_: OutgoingReply) => {};
  await serve(async () => broker.connect(), () => new Promise((resolve) => {
    answer = resolve;
  }));
  const client = await join(async () => broker.connect());
  const stop = new AbortController();
  const failure = expect(ask(client, { frame: patterned(9, 1), signal: stop.signal })).rejects.toMatchObject({ code: 'aborted' });
  await clock.sleep(10);
  stop.abort();
  await failure;
  answer(replyOf(patterned(5, 1)));
  await vi.waitFor(() => expect(client.stats().lateReplies).toBe(1));
  await expect(ask(client, { frame: patterned(9, 1), signal: stop.signal })).rejects.toMatchObject({ code: 'aborted' });
});

test('an error of the handler reaches the device by code and message, without its cause', async () => {
  const broker = memoryBroker();
  await serve(async () => broker.connect(), async () => {
    throw new SplitError('model-mismatch', 'model is abc here', { cause: new Error('secret') });
  });
  const client = await join(async () => broker.connect());
  const error = await ask(client, { frame: patterned(9, 1) }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'model-mismatch', message: 'model is abc here' });
  expect((error as SplitError).cause).toBeUndefined();
});

test('a message of another version is answered with version-unsupported', async () => {
  const broker = memoryBroker();
  await serve(async () => broker.connect(), reversed);
  const raw = await rawDevice(broker.connect());
  await raw.send({ ...rawRequest('v2'), v: 2 });
  await raw.heard('error', 1);
  expect(raw.headers[0]).toMatchObject({ id: 'v2', code: 'version-unsupported' });
});

test('lengths that do not add up are an error of the message', async () => {
  const broker = memoryBroker();
  await serve(async () => broker.connect(), reversed);
  const raw = await rawDevice(broker.connect());
  await raw.send({ ...rawRequest('bad'), tensors: [{ name: 'x', bytes: 3 }] });
  await raw.heard('error', 1);
  expect(raw.headers[0]).toMatchObject({ id: 'bad', code: 'message-invalid' });
});

test('a draining gateway answers what it has, refuses the rest, and says so', async () => {
  const broker = memoryBroker();
  let answer = (_: OutgoingReply) => {};
  const server = await serve(async () => broker.connect(), () => new Promise((resolve) => {
    answer = resolve;
  }));
  const client = await join(async () => broker.connect());
  const inHand = ask(client, { frame: patterned(9, 1) });
  await clock.sleep(10);
  const drained = server.drain();
  await vi.waitFor(() => expect(client.gateways()).toMatchObject([{ state: 'draining' }]));
  await expect(ask(client, { frame: patterned(9, 1) })).rejects.toMatchObject({ code: 'gateway-unavailable' });
  answer(replyOf(patterned(5, 1)));
  expect((await inHand).tensors).toHaveLength(1);
  await drained;
  await server.stop();
  await vi.waitFor(() => expect(client.gateways()).toEqual([]));
});

test('a gateway that drains refuses a request that it has only in part', async () => {
  const broker = memoryBroker();
  const server = await serve(async () => broker.connect(), reversed);
  const raw = await rawDevice(broker.connect());
  await raw.send({ ...rawRequest('half'), parts: 2, totalBytes: 3_000 }, patterned(2_000, 1));
  await server.drain();
  await raw.heard('error', 1);
  expect(raw.headers[0]).toMatchObject({ id: 'half', code: 'gateway-unavailable' });
});

test('waiting for a gateway tells an absent one from one without the model', async () => {
  const broker = memoryBroker();
  const client = await join(async () => broker.connect(), {}, false);
  await expect(client.waitForGateway('m', { deadlineMs: 30 })).rejects.toMatchObject({ code: 'gateway-unavailable' });
  const wait = client.waitForGateway('m', { deadlineMs: 10_000 });
  await serve(async () => broker.connect(), reversed);
  expect(await wait).toMatchObject({ gateway: 'gw', state: 'ready', models: [{ name: 'm' }] });
  const other = client.waitForGateway('other', { deadlineMs: 30 });
  await expect(other).rejects.toMatchObject({ code: 'model-unknown', message: /'other'; served: m/ });
  broker.stop();
  await expect(client.waitForGateway('m', { deadlineMs: 30 })).rejects.toMatchObject({ code: 'broker-unreachable' });
});

test('a gateway is found on a broker that keeps nothing, by asking', async () => {
  const broker = memoryBroker();
  const forgetful = forgetRetained(broker.connect());
  await serve(async () => forgetful, reversed);
  const client = await join(async () => broker.connect());
  expect(client.gateways()).toMatchObject([{ gateway: 'gw' }]);
});

test('a request survives a broker that restarts under it', async () => {
  const broker = memoryBroker();
  const handle = vi.fn(async (request: IncomingRequest) => {
    await clock.sleep(50);
    return reversed(request);
  });
  await serve(async () => broker.connect(), handle);
  const client = await join(async () => broker.connect());
  const reply = ask(client, { frame: patterned(300_000, 1), deadlineMs: 20_000 });
  await clock.sleep(20);
  broker.stop();
  await clock.sleep(100);
  broker.start();
  expect((await reply).timings.attempts).toBe(2);
  expect(handle).toHaveBeenCalledTimes(1);
  await client.waitForGateway('m', { deadlineMs: 5_000 });
});

test.skipIf(mosquittoMissing() !== undefined)('client and gateway find each other again after Mosquitto restarted', async () => {
  const broker = await startMosquitto();
  undo.push(() => broker.close());
  const connect: Connect = (options) => open(broker.url, options);
  await serve(connect, reversed);
  const client = await join(connect);
  await broker.restart();
  await client.waitForGateway('m', { deadlineMs: 20_000 });
  const frame = patterned(200_000, 3);
  expect((await ask(client, { frame, deadlineMs: 10_000 })).tensors).toEqual([{ name: 'x', frame: frame.toReversed() }]);
});

test('a broker that takes small packets only gets small parts', async () => {
  const broker = memoryBroker({ maxPacketBytes: 8_000 });
  await serve(async () => broker.connect(), reversed);
  const client = await join(async () => broker.connect());
  const frame = patterned(100_000, 3);
  expect((await ask(client, { frame })).tensors).toEqual([{ name: 'x', frame: frame.toReversed() }]);
});

test('requests after close, or without a broker, fail at once', async () => {
  const broker = memoryBroker();
  const client = await join(async () => broker.connect(), {}, false);
  broker.stop();
  await expect(ask(client, { frame: patterned(1, 1) })).rejects.toMatchObject({ code: 'broker-unreachable' });
  await client.close();
  await expect(ask(client, { frame: patterned(1, 1) })).rejects.toMatchObject({ code: 'closed' });
});

test('a device id that would not fit a topic is refused', () => {
  const make = () => createRequestClient({ transport: memoryBroker().connect(), deviceId: 'a/b', clock, randomId });
  expect(make).toThrow(expect.objectContaining({ code: 'options-invalid' }));
});

async function serve(
  connect: Connect,
  handle: Handle,
  limits: { readonly maxPayloadBytes?: number; readonly announcedBytes?: number } = {},
): Promise<RequestServer> {
  const transport = await connect({ will: offlineWill({ gatewayId: 'gw' }) });
  const { maxPayloadBytes = 64 * 1024 * 1024, announcedBytes = maxPayloadBytes } = limits;
  const models = [{ name: 'm', digest: 'd', cuts: [{ id: 'c', tailMs: 1 }] }];
  const announce = () => ({ state: 'ready', models, maxPayloadBytes: announcedBytes }) as const;
  const server = createRequestServer({ transport, gatewayId: 'gw', clock, maxPayloadBytes, announce, handle });
  await server.start();
  undo.push(async () => {
    await server.stop();
    await transport.close();
  });
  return server;
}

async function join(connect: Connect, limits: { maxPayloadBytes?: number } = {}, waits = true): Promise<RequestClient> {
  const transport = await connect();
  const client = createRequestClient({ transport, deviceId: 'dev', clock, randomId, ...limits });
  await client.start();
  undo.push(async () => {
    await client.close();
    await transport.close();
  });
  if (waits) await client.waitForGateway('m', { deadlineMs: 10_000 });
  return client;
}

interface Ask {
  readonly frame: Uint8Array;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

function ask(client: RequestClient, { frame, deadlineMs = 5_000, signal }: Ask) {
  const request = { model: 'm', digest: 'd', cut: 'c', tensors: [{ name: 'x', frame }], fetches: ['y'], replyProfile: 'p' };
  return client.request('gw', request, { deadlineMs, ...(signal && { signal }) });
}

async function reversed({ tensors }: IncomingRequest): Promise<OutgoingReply> {
  return replyOf(tensors[0]?.frame.toReversed() ?? new Uint8Array(0));
}

function replyOf(frame: Uint8Array): OutgoingReply {
  return { tensors: [{ name: 'x', frame }], queueMs: 1, decodeMs: 2, tailMs: 3, encodeMs: 4 };
}

/** A device that writes its own bytes. */
async function rawDevice(transport: Transport, device = 'raw') {
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
      vi.waitFor(() => expect(types().filter((one) => one === type)).toHaveLength(count)),
  };
}

function rawRequest(id: string) {
  const part = { part: 0, parts: 1, totalBytes: 4, attempt: 1, windowBytes: 65_536 };
  const tensors = [{ name: 'x', bytes: 4 }];
  return { v: 1, t: 'request', id, model: 'm', digest: 'd', cut: 'c', tensors, fetches: ['y'], replyProfile: 'p', deadlineMs: 5_000, ...part };
}

function forgetRetained(transport: Transport): Transport {
  return {
    maxPacketBytes: transport.maxPacketBytes,
    isConnected: true,
    publish: async (topic, payload, options) => {
      if (!options?.retain) await transport.publish(topic, payload);
    },
    subscribe: (filter, receive) => transport.subscribe(filter, receive),
    onStateChange: (listener) => transport.onStateChange(listener),
    close: () => transport.close(),
  };
}

async function inMemory(faults = {}): Promise<Connect> {
  const broker = memoryBroker({ faults });
  return async (options) => broker.connect(options);
}

async function onAedes(): Promise<Connect> {
  const broker = await startAedes();
  undo.push(() => broker.close());
  return (options) => open(broker.url, options);
}

async function onMosquitto(): Promise<Connect> {
  const broker = await startMosquitto();
  undo.push(() => broker.close());
  return (options) => open(broker.url, options);
}

function open(url: string, options: { readonly will?: Will } = {}): Promise<Transport> {
  return connectMqtt({ url, reconnectMs: 20, ...options });
}

function randomId(): string {
  ids += 1;
  return `id${ids}`;
}

function patterned(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 13 + (index >> 9) + seed * 31) & 255;
  return bytes;
}

import { expect, onTestFinished, test } from 'vitest';
import {
  ask,
  join,
  patterned,
  rawDevice,
  rawRequest,
  replyOf,
  reversed,
  serve,
} from '../../../test/support/request-pair.ts';
import { systemClock } from '../clock.ts';
import { createGatewayDirectory } from './gateway-directory.ts';
import { memoryBroker } from './memory.ts';
import { createRequestServer, type OutgoingReply } from './request-server.ts';
import type { Transport } from './transport.ts';

const clock = systemClock();

test('a gateway that repeats itself is forgotten when it falls silent, and found again', async () => {
  let nowMs = 0;
  const directory = createGatewayDirectory({ nowMs: () => nowMs, sleep: () => new Promise(() => {}) });
  const announcement = {
    v: 1,
    gateway: 'gw',
    state: 'ready',
    models: [],
    maxPayloadBytes: 1,
    everyMs: 100,
  } as const;
  directory.put(announcement);
  nowMs = 300;
  expect(directory.alive()).toHaveLength(1);
  nowMs = 301;
  expect(directory.alive()).toHaveLength(0);
  directory.put(announcement);
  expect(directory.alive()).toHaveLength(1);
});

test('a failure speaks against a gateway for ten seconds', () => {
  let nowMs = 0;
  const directory = createGatewayDirectory({ nowMs: () => nowMs, sleep: () => new Promise(() => {}) });
  directory.noteFailure('mine', 'model-unknown');
  directory.noteFailure('gw', 'deadline-exceeded');
  expect([directory.hasFailed('mine'), directory.hasFailed('gw')]).toEqual([false, true]);
  nowMs = 10_000;
  expect(directory.hasFailed('gw')).toBe(false);
});

test('a gateway that cannot serve says that it is gone, and answers no hello', async () => {
  const broker = memoryBroker();
  let canServe = true;
  const server = createRequestServer({
    transport: broker.connect(),
    gatewayId: 'gw',
    clock: systemClock(),
    announcing: { shortestMs: 20, longestMs: 20 },
    announce: () => (canServe ? { state: 'ready', models: [], maxPayloadBytes: 1 } : undefined),
    handle: () => Promise.reject(new Error('not asked')),
  });
  await server.start();
  onTestFinished(() => server.stop());
  const client = await join(async () => broker.connect(), {}, false);
  await expect.poll(() => client.gateways()).toMatchObject([{ gateway: 'gw', everyMs: 20 }]);
  canServe = false;
  await expect.poll(() => client.gateways()).toEqual([]);
  const late = await join(async () => broker.connect(), {}, false);
  await systemClock().sleep(50);
  expect(late.gateways()).toEqual([]);
});

test('a draining gateway answers what it has, refuses the rest, and says so', async () => {
  const broker = memoryBroker();
  let answer = (_: OutgoingReply) => {};
  const server = await serve(
    async () => broker.connect(),
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  const client = await join(async () => broker.connect());
  const inHand = ask(client, { frame: patterned(9, 1) });
  await clock.sleep(10);
  const drained = server.drain();
  await expect.poll(() => client.gateways()).toMatchObject([{ state: 'draining' }]);
  await expect(ask(client, { frame: patterned(9, 1) })).rejects.toMatchObject({
    code: 'gateway-unavailable',
  });
  answer(replyOf(patterned(5, 1)));
  expect((await inHand).tensors).toHaveLength(1);
  await drained;
  await server.stop();
  await expect.poll(() => client.gateways()).toEqual([]);
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
  await expect(client.waitForGateway('m', { deadlineMs: 30 })).rejects.toMatchObject({
    code: 'gateway-unavailable',
  });
  const wait = client.waitForGateway('m', { deadlineMs: 10_000 });
  await serve(async () => broker.connect(), reversed);
  expect(await wait).toMatchObject({ gateway: 'gw', state: 'ready', models: [{ name: 'm' }] });
  const other = client.waitForGateway('other', { deadlineMs: 30 });
  await expect(other).rejects.toMatchObject({ code: 'model-unknown', message: /'other'; served: m/ });
  broker.stop();
  await expect(client.waitForGateway('m', { deadlineMs: 30 })).rejects.toMatchObject({
    code: 'broker-unreachable',
  });
});

test('a gateway is found on a broker that keeps nothing, by asking', async () => {
  const broker = memoryBroker();
  const forgetful = forgetRetained(broker.connect());
  await serve(async () => forgetful, reversed);
  const client = await join(async () => broker.connect());
  expect(client.gateways()).toMatchObject([{ gateway: 'gw' }]);
});

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

import { expect, onTestFinished, test, vi } from 'vitest';
import { mosquittoMissing, startMosquitto } from '../../../test/support/mosquitto.ts';
import {
  ask,
  type Connect,
  inMemory,
  join,
  open,
  patterned,
  replyOf,
  reversed,
  serve,
} from '../../../test/support/request-pair.ts';
import { systemClock } from '../clock.ts';
import { decodeEnvelope, encodeEnvelope } from '../protocol/envelope.ts';
import { memoryBroker } from './memory.ts';
import { type IncomingRequest, offlineWill } from './request-server.ts';
import type { Transport } from './transport.ts';

const clock = systemClock();

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
  await serve(
    async () => connection,
    () => new Promise(() => {}),
  );
  const client = await join(async () => broker.connect());
  const reply = ask(client, { frame: patterned(10, 1), deadlineMs: 25_000 });
  const failure = expect(reply).rejects.toMatchObject({
    code: 'gateway-unavailable',
    message: /gw went away/,
  });
  await clock.sleep(20);
  connection.drop();
  await failure;
  expect(client.gateways()).toEqual([]);
});

test('what is sent to a gateway that has gone fails at once, until it is back', async () => {
  const broker = memoryBroker();
  const server = await serve(
    async () => broker.connect(),
    async (request) => reversed(request),
  );
  const client = await join(async () => broker.connect());
  await server.stop();
  await expect.poll(() => client.gateways()).toEqual([]);
  const late = ask(client, { frame: patterned(10, 1), deadlineMs: 25_000 });
  await expect(late).rejects.toMatchObject({ code: 'gateway-unavailable' });
  await serve(
    async () => broker.connect(),
    async (request) => reversed(request),
  );
  await expect.poll(() => client.gateways()).toHaveLength(1);
  await expect(ask(client, { frame: patterned(10, 1), deadlineMs: 25_000 })).resolves.toBeDefined();
});

test('silence ends with the deadline, after the request was sent again', async () => {
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
  await serve(
    async () => broker.connect(),
    async (request) => {
      await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
      reasons.push(request.signal.reason);
      return reversed(request);
    },
  );
  const client = await join(async () => broker.connect());
  await expect(ask(client, { frame: patterned(9, 1), deadlineMs: 60 })).rejects.toMatchObject({
    code: 'deadline-exceeded',
  });
  await expect.poll(() => reasons).toMatchObject([{ code: 'deadline-exceeded' }]);
  await clock.sleep(10);
  expect(client.stats()).toEqual({ lateReplies: 0, invalidMessages: 0 });
});

test('the caller’s signal ends a request at both ends, and nothing is answered', async () => {
  const broker = memoryBroker();
  const reasons: unknown[] = [];
  await serve(
    async () => broker.connect(),
    ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason);
          resolve(replyOf(patterned(5, 1)));
        });
      }),
  );
  const client = await join(async () => broker.connect());
  const stop = new AbortController();
  const failure = expect(ask(client, { frame: patterned(9, 1), signal: stop.signal })).rejects.toMatchObject({
    code: 'aborted',
  });
  await clock.sleep(10);
  stop.abort();
  await failure;
  await expect.poll(() => reasons).toMatchObject([{ code: 'aborted' }]);
  await clock.sleep(10);
  expect(client.stats()).toEqual({ lateReplies: 0, invalidMessages: 0 });
  await expect(ask(client, { frame: patterned(9, 1), signal: stop.signal })).rejects.toMatchObject({
    code: 'aborted',
  });
});

test('a reply that nobody waits for is counted and dropped', async () => {
  const broker = memoryBroker();
  await serve(async () => broker.connect(), reversed);
  const client = await join(async () => broker.connect());
  const late = { v: 1, t: 'error', id: 'long-ago', gateway: 'gw', code: 'internal', message: 'late' };
  await broker.connect().publish('cutpoint/dev/dev/rep', encodeEnvelope(late));
  await expect.poll(() => client.stats().lateReplies).toBe(1);
});

test('a lost part is sent again alone', async () => {
  const broker = memoryBroker();
  const transport = broker.connect();
  let lost = 0;
  const lossy: Transport = Object.assign(Object.create(transport) as Transport, {
    publish: async (topic: string, payload: Uint8Array) => {
      const header = decodeEnvelope(payload).header as { t: string; part?: number };
      const isVictim = header.t === 'part' && header.part === 2 && lost++ === 0;
      if (!isVictim) await transport.publish(topic, payload);
    },
    subscribe: transport.subscribe.bind(transport),
    onStateChange: transport.onStateChange.bind(transport),
    close: () => transport.close(),
  });
  Object.defineProperties(lossy, { isConnected: { value: true }, maxPacketBytes: { value: Infinity } });
  await serve(async () => broker.connect(), reversed);
  const client = await join(async () => lossy);
  const frame = patterned(600_000, 3);
  const { tensors, timings } = await ask(client, { frame, deadlineMs: 20_000 });
  expect(tensors[0]?.frame).toEqual(frame.toReversed());
  expect(timings).toMatchObject({ attempts: 1 });
  expect(timings.sentBytes).toBeGreaterThan(600_000 + 60_000);
  expect(timings.sentBytes).toBeLessThan(600_000 + 70_000);
});

test('a probe is answered at once with the link’s timings, and runs nothing', async () => {
  const broker = memoryBroker();
  const handle = vi.fn(reversed);
  await serve(async () => broker.connect(), handle);
  const client = await join(async () => broker.connect());
  const timings = await client.probe('gw', { bytes: 150_000, deadlineMs: 5_000 });
  expect(timings).toMatchObject({ attempts: 1, tailMs: 0 });
  expect(timings.sentBytes).toBeGreaterThan(150_000);
  expect(handle).not.toHaveBeenCalled();
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

test.skipIf(mosquittoMissing() !== undefined)(
  'client and gateway find each other again after Mosquitto restarted',
  async () => {
    const broker = await startMosquitto();
    onTestFinished(() => broker.close());
    const connect: Connect = (options) => open(broker.url, options);
    await serve(connect, reversed);
    const client = await join(connect);
    await broker.restart();
    await client.waitForGateway('m', { deadlineMs: 20_000 });
    const frame = patterned(200_000, 3);
    expect((await ask(client, { frame, deadlineMs: 10_000 })).tensors).toEqual([
      { name: 'x', frame: frame.toReversed() },
    ]);
  },
);

test('requests after close, or without a broker, fail at once', async () => {
  const broker = memoryBroker();
  const client = await join(async () => broker.connect(), {}, false);
  broker.stop();
  await expect(ask(client, { frame: patterned(1, 1) })).rejects.toMatchObject({ code: 'broker-unreachable' });
  await client.close();
  await expect(ask(client, { frame: patterned(1, 1) })).rejects.toMatchObject({ code: 'closed' });
});

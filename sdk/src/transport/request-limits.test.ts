import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
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
import { encodeEnvelope } from '../protocol/envelope.ts';
import { memoryBroker } from './memory.ts';
import { createRequestClient } from './request-client.ts';

const clock = systemClock();

test('a request that the gateway announced as too large is not sent', async () => {
  const broker = memoryBroker();
  await serve(async () => broker.connect(), reversed, { maxPayloadBytes: 1_000 });
  const client = await join(async () => broker.connect());
  const failure = ask(client, { frame: patterned(1_001, 1) });
  await expect(failure).rejects.toMatchObject({
    code: 'payload-too-large',
    message: /1001 bytes exceeds 1000/,
  });
});

test('a gateway refuses too large a request at its first part', async () => {
  const broker = memoryBroker();
  const handle = vi.fn(reversed);
  await serve(async () => broker.connect(), handle, { maxPayloadBytes: 100_000, announcedBytes: 10 ** 9 });
  const client = await join(async () => broker.connect());
  const failure = ask(client, { frame: patterned(3_000_000, 1), deadlineMs: 20_000 });
  await expect(failure).rejects.toMatchObject({
    code: 'payload-too-large',
    message: /3000000 bytes exceeds 100000/,
  });
  expect(handle).not.toHaveBeenCalled();
});

test('a reply over the device’s limit fails the request', async () => {
  const broker = memoryBroker();
  await serve(
    async () => broker.connect(),
    async () => replyOf(patterned(500_000, 1)),
  );
  const client = await join(async () => broker.connect(), { maxPayloadBytes: 100_000 });
  await expect(ask(client, { frame: patterned(9, 1) })).rejects.toMatchObject({ code: 'payload-too-large' });
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

test('a broker that takes small packets only gets small parts', async () => {
  const broker = memoryBroker({ maxPacketBytes: 8_000 });
  await serve(async () => broker.connect(), reversed);
  const client = await join(async () => broker.connect());
  const frame = patterned(100_000, 3);
  expect((await ask(client, { frame })).tensors).toEqual([{ name: 'x', frame: frame.toReversed() }]);
});

test('a device id that would not fit a topic is refused', () => {
  const make = () =>
    createRequestClient({
      transport: memoryBroker().connect(),
      deviceId: 'a/b',
      clock,
      randomId: () => 'id',
    });
  expect(make).toThrow(expect.objectContaining({ code: 'options-invalid' }));
});

test('a gateway that is sent changed and random bytes goes on serving', async () => {
  const broker = memoryBroker();
  await serve(async () => broker.connect(), reversed);
  const rogue = broker.connect();
  const good = encodeEnvelope(rawRequest('fuzz'), [patterned(4, 1)]);
  const edits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  const changed = edits.map((some) => {
    const bytes = good.slice();
    for (const [at, byte] of some) bytes[at] = byte;
    return bytes;
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(changed, fc.uint8Array({ maxLength: 200 })), async (bytes) => {
      await rogue.publish('cutpoint/gw/gw/req/rogue', bytes);
      await rogue.publish('cutpoint/dev/dev/rep', bytes);
      await rogue.publish('cutpoint/gw/other/st', bytes);
    }),
    { numRuns: 2_000 },
  );
  const client = await join(async () => broker.connect());
  expect((await ask(client, { frame: patterned(9, 1) })).tensors).toHaveLength(1);
});

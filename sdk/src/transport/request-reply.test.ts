import { describe, expect, test, vi } from 'vitest';
import { mosquittoMissing } from '../../../test/support/mosquitto.ts';
import {
  ask,
  inMemory,
  join,
  onAedes,
  onMosquitto,
  patterned,
  rawDevice,
  rawRequest,
  reversed,
  serve,
} from '../../../test/support/request-pair.ts';
import { SplitError } from '../errors.ts';
import { encodeEnvelope } from '../protocol/envelope.ts';
import { memoryBroker } from './memory.ts';

describe.each([
  ['memory', undefined, inMemory],
  ['aedes', undefined, onAedes],
  ['Mosquitto', mosquittoMissing(), onMosquitto],
] as const)('requests over %s', (_, skipReason, makeConnect) => {
  test.skipIf(skipReason !== undefined)(
    'several large requests at once each get their own reply',
    async () => {
      const connect = await makeConnect();
      await serve(connect, reversed);
      const client = await join(connect);
      const frames = [1, 2, 3, 4].map((seed) => patterned(800_000, seed));
      const replies = await Promise.all(frames.map((frame) => ask(client, { frame, deadlineMs: 20_000 })));
      for (const [index, reply] of replies.entries()) {
        expect(
          Buffer.compare(
            reply.tensors[0]?.frame ?? patterned(1, 0),
            frames[index]?.toReversed() ?? patterned(1, 0),
          ),
        ).toBe(0);
        expect(reply.timings).toMatchObject({ attempts: 1, queueMs: 1, decodeMs: 2, tailMs: 3, encodeMs: 4 });
        expect(reply.timings.sentBytes).toBeGreaterThan(800_000);
        expect(reply.timings.receivedBytes).toBeGreaterThan(800_000);
      }
    },
  );

  test.skipIf(skipReason !== undefined)(
    'small requests come back, and the stages add up to the round trip',
    async () => {
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
    },
  );
});

test('a reply goes to the device that the topic names, whatever the message says', async () => {
  const broker = memoryBroker();
  await serve(async () => broker.connect(), reversed);
  const rogue = broker.connect();
  const heard: string[] = [];
  await rogue.subscribe('cutpoint/dev/+/rep', (topic) => heard.push(topic));
  const header = {
    ...rawRequest('r1'),
    device: 'victim',
    replyTopic: 'cutpoint/dev/victim/rep',
    gateway: 'victim',
  };
  await rogue.publish('cutpoint/gw/gw/req/rogue', encodeEnvelope(header, [patterned(4, 1)]));
  await expect.poll(() => heard).toEqual(['cutpoint/dev/rogue/rep']);
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

test('an error of the handler reaches the device by code and message, without its cause', async () => {
  const broker = memoryBroker();
  await serve(
    async () => broker.connect(),
    async () => {
      throw new SplitError('model-mismatch', 'model is abc here', { cause: new Error('secret') });
    },
  );
  const client = await join(async () => broker.connect());
  const error = await ask(client, { frame: patterned(9, 1) }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'model-mismatch', message: 'model is abc here' });
  expect((error as SplitError).cause).toBeUndefined();
});

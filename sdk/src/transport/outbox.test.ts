import { expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { decodeEnvelope } from '../protocol/envelope.ts';
import { memoryBroker } from './memory.ts';
import { createOutbox, type Head } from './outbox.ts';
import { cutIntoParts } from './parts.ts';

const KIB = 1024;
const head = { v: 1, t: 'request', id: 'm' } as unknown as Head;

test('no more than the window is under way without credit', async () => {
  const { sent, outbox, signal } = await setUp(4 * KIB);
  const sending = outbox.send({ topic: 't', key: 'm', head, parts: parts(10 * KIB), attempt: 1, signal });
  await settle();
  expect(sent).toEqual([0, 1, 2, 3]);
  outbox.credit('m', { attempt: 1, receivedBytes: 2 * KIB, heldBytes: 2 * KIB });
  await settle();
  expect(sent).toEqual([0, 1, 2, 3, 4, 5]);
  outbox.credit('m', { attempt: 2, receivedBytes: 9 * KIB, heldBytes: 9 * KIB });
  outbox.credit('other', { attempt: 1, receivedBytes: 9 * KIB, heldBytes: 9 * KIB });
  await settle();
  expect(sent).toHaveLength(6);
  outbox.credit('m', { attempt: 1, receivedBytes: 6 * KIB, heldBytes: 6 * KIB });
  expect(await sending).toBeGreaterThan(10 * KIB);
  expect(sent).toHaveLength(10);
});

test('a probe sends its first part, and no more when the receiver has it all', async () => {
  const { sent, outbox, signal } = await setUp(4 * KIB);
  const sending = outbox.send({
    topic: 't',
    key: 'm',
    head,
    parts: parts(3 * KIB),
    attempt: 2,
    isProbe: true,
    signal,
  });
  await settle();
  expect(sent).toEqual([0]);
  outbox.credit('m', { attempt: 2, receivedBytes: 3 * KIB, heldBytes: 3 * KIB });
  await sending;
  expect(sent).toEqual([0]);
});

test('a probe goes on when the receiver has lost it', async () => {
  const { sent, outbox, signal } = await setUp(4 * KIB);
  const sending = outbox.send({
    topic: 't',
    key: 'm',
    head,
    parts: parts(3 * KIB),
    attempt: 2,
    isProbe: true,
    signal,
  });
  await settle();
  outbox.credit('m', { attempt: 2, receivedBytes: KIB, heldBytes: KIB });
  await sending;
  expect(sent).toEqual([0, 1, 2]);
});

test('a stalled message ends with its signal', async () => {
  const { sent, outbox } = await setUp(2 * KIB);
  const stop = new AbortController();
  const sending = outbox.send({
    topic: 't',
    key: 'm',
    head,
    parts: parts(9 * KIB),
    attempt: 1,
    signal: stop.signal,
  });
  await settle();
  stop.abort();
  await sending;
  expect(sent).toEqual([0, 1]);
});

async function setUp(windowBytes: number) {
  const transport = memoryBroker().connect();
  const sent: number[] = [];
  await transport.subscribe('t', (_, payload) => {
    sent.push((decodeEnvelope(payload).header as { part: number }).part);
  });
  return {
    sent,
    outbox: createOutbox(transport, windowBytes, systemClock()),
    signal: new AbortController().signal,
  };
}

function parts(totalBytes: number) {
  return cutIntoParts([new Uint8Array(totalBytes)], KIB);
}

/** The memory transport delivers by microtasks, so they have all run by then. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

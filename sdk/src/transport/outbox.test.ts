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
  await sending;
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
  await settle();
  expect(sent).toEqual([0, 1, 2]);
});

test('sends again what the receiver misses, also after the last part went out, and each byte is counted', async () => {
  const { sent, outbox, signal } = await setUp(64 * KIB);
  let sentBytes = 0;
  const onSent = (bytes: number) => {
    sentBytes += bytes;
  };
  await outbox.send({ topic: 't', key: 'm', head, parts: parts(5 * KIB), attempt: 1, signal, onSent });
  outbox.credit('m', { attempt: 1, receivedBytes: 3 * KIB, heldBytes: 3 * KIB, missing: [1, 3] });
  await settle();
  expect(sent).toEqual([0, 1, 2, 3, 4, 1, 3]);
  expect(sentBytes).toBeGreaterThan(7 * KIB);
  outbox.credit('m', { attempt: 1, receivedBytes: 5 * KIB, heldBytes: 5 * KIB });
  outbox.credit('m', { attempt: 1, receivedBytes: 5 * KIB, heldBytes: 5 * KIB, missing: [1] });
  await settle();
  expect(sent).toHaveLength(7);
});

test('a full list of missing parts stands for all that follow as well', async () => {
  const { sent, outbox, signal } = await setUp(1024 * KIB);
  const all = parts(600 * KIB);
  void outbox.send({ topic: 't', key: 'm', head, parts: all, attempt: 2, isProbe: true, signal });
  await settle();
  const missing = Array.from({ length: 256 }, (_, index) => index + 1);
  outbox.credit('m', { attempt: 2, receivedBytes: KIB, heldBytes: KIB, missing });
  await settle();
  expect(sent).toEqual(Array.from({ length: 600 }, (_, part) => part));
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

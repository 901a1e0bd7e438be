import { expect, test } from 'vitest';
import type { ResultHeader } from '../protocol/v1/messages.ts';
import { type ExchangeRecord, replyTimings } from './reply-timings.ts';

// Published at 1000 here; the gateway's clock is 5000 ahead. Up 30 ms, 20 ms at the gateway, down 10 ms.
const head: ResultHeader = {
  ...{
    v: 1,
    t: 'result',
    id: 'a',
    gateway: 'gw',
    tensors: [],
    queueMs: 1,
    decodeMs: 2,
    tailMs: 14,
    encodeMs: 3,
  },
  ...{ firstArrivalMs: 6_010, lastArrivalMs: 6_030, laterBytes: 250_000, repliedMs: 6_050 },
  ...{ part: 0, parts: 1, totalBytes: 10, attempt: 1, windowBytes: 1024 },
};
const times = { firstArrivalMs: 1_060, lastArrivalMs: 1_060, headArrivalMs: 1_060, laterBytes: 0 };
const result = { head, payload: new Uint8Array(10), ...times };
const record: ExchangeRecord = {
  result,
  publishedMs: 1_000,
  sentBytes: 1,
  receivedBytes: 2,
  attempts: 1,
  offsetMs: 5_000,
};

test('the stages are told apart by the clocks’ offset, and add up', () => {
  expect(replyTimings(record)).toEqual({
    ...{ roundTripMs: 60, uplinkMs: 30, downlinkMs: 10, queueMs: 1, decodeMs: 2, tailMs: 14, encodeMs: 3 },
    ...{ sentBytes: 1, receivedBytes: 2, attempts: 1 },
    // 250,000 bytes in 20 ms.
    uplinkBitsPerSecond: 100_000_000,
  });
});

test('without an offset both ways count the same, and a wrong one cannot make a way negative', () => {
  expect(replyTimings({ ...record, offsetMs: undefined })).toMatchObject({ uplinkMs: 20, downlinkMs: 20 });
  expect(replyTimings({ ...record, offsetMs: 9_000 })).toMatchObject({ uplinkMs: 0, downlinkMs: 40 });
  expect(replyTimings({ ...record, offsetMs: 0 })).toMatchObject({ uplinkMs: 40, downlinkMs: 0 });
});

test.each([
  ['little data', { laterBytes: 60_000 }, 1],
  ['a short time', { firstArrivalMs: 6_027 }, 1],
  ['a repeated request', {}, 2],
])('no rate is taken from %s', (_, change, attempts) => {
  const timings = replyTimings({ ...record, attempts, result: { ...result, head: { ...head, ...change } } });
  expect(timings).not.toHaveProperty('uplinkBitsPerSecond');
});

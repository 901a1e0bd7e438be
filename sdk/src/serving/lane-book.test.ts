import { describe, expect, it } from 'vitest';
import { createBatchCost } from './batch-cost.ts';
import { createLaneBook } from './lane-book.ts';

const ALONE_MS = [100];

/** Runs so long each, one behind the other; gives the book and the time of the last end. */
function bookAfter(runsMs: readonly number[]) {
  const book = createLaneBook();
  const cost = createBatchCost([], { maxSize: 1 });
  let nowMs = 0;
  for (const ranMs of runsMs) {
    const begun = book.begin(cost, ALONE_MS, nowMs);
    nowMs += ranMs;
    begun.end(ranMs, nowMs);
  }
  return { book, cost, nowMs };
}

describe('the book of a lane', () => {
  it('takes a full batch the earlier the more runs stray, and one that may still grow at the end', () => {
    const early = [bookAfter([100, 100, 100, 100]), bookAfter([60, 140, 60, 140])].map(
      ({ book, cost, nowMs }) => {
        book.begin(cost, ALONE_MS, nowMs);
        return book.roomAtMs(nowMs, false) - book.roomAtMs(nowMs, true);
      },
    );
    expect(early[0]).toBe(0);
    expect(early[1]).toBeGreaterThan(20);
  });

  it('expects the second of two batches from the end of the first, however early that came', () => {
    const { book, cost, nowMs } = bookAfter([100, 100]);
    const first = book.begin(cost, ALONE_MS, nowMs);
    book.begin(cost, ALONE_MS, nowMs + 50);
    expect(book.busyMs(nowMs + 50)).toBeGreaterThan(140);
    first.end(55, nowMs + 55);
    expect(book.busyMs(nowMs + 55)).toBeLessThan(101);
    expect(book.roomAtMs(nowMs + 55, false)).toBeGreaterThan(nowMs + 55);
  });

  it('takes no third', () => {
    const { book, cost, nowMs } = bookAfter([]);
    expect(book.roomAtMs(nowMs, true)).toBe(nowMs);
    for (let i = 0; i < 2; i++) book.begin(cost, ALONE_MS, nowMs);
    expect(book.roomAtMs(nowMs + 1e6, true)).toBe(Number.POSITIVE_INFINITY);
  });
});

import { expect, test } from 'vitest';
import { seededRandom } from '../testing/random.ts';
import { type Arrival, rateOf, spreadOf } from './arrival-spread.ts';

const KIB = 1024;
const arrivals = (firstMs: number, secondMs: number) =>
  [
    { atMs: firstMs, heldBytes: 8 * KIB },
    { atMs: secondMs, heldBytes: 50 * KIB },
  ] as const;

test('counts from the first part, or from the second where the first was late', () => {
  const total = 150 * KIB;
  expect(spreadOf(arrivals(100, 104.2), total, 114.2)).toEqual({
    firstArrivalMs: 100,
    laterBytes: 142 * KIB,
  });
  expect(spreadOf(arrivals(101, 104.2), total, 114.2)).toEqual({
    firstArrivalMs: 104.2,
    laterBytes: 100 * KIB,
  });
});

test('counts from halfway between the two where they tell very different rates', () => {
  const halfway = { firstArrivalMs: 102.5, laterBytes: 121 * KIB };
  expect(spreadOf(arrivals(100, 105), 150 * KIB, 111)).toEqual(halfway);
  expect(spreadOf(arrivals(103, 102), 150 * KIB, 113)).toEqual(halfway);
});

test.each([
  ['an even link within 4 %', 0, 0.04],
  ['a link with 5 ms of jitter within 20 %', 5, 0.2],
])('the rates that 150 KB at 100 Mbit/s tell lie about the true one: %s', (_, jitterMs, most) => {
  const random = seededRandom(3);
  const rates = Array.from({ length: 1001 }, () => shownRate(messageParts({ jitterMs, random })) / 100e6);
  const middle = rates.toSorted((a, b) => a - b)[500] ?? Number.NaN;
  expect(Math.abs(middle - 1)).toBeLessThan(most);
});

test('counts from the first where too little follows the second', () => {
  const total = 100 * KIB;
  expect(spreadOf(arrivals(102, 104.2), total, 109)).toEqual({ firstArrivalMs: 102, laterBytes: 92 * KIB });
  const [first] = arrivals(100, 104);
  expect(spreadOf([first], 8 * KIB, 100)).toEqual({ firstArrivalMs: 100, laterBytes: 0 });
});

test('little data and a short time say nothing of a rate', () => {
  expect(rateOf(64 * KIB, 5)).toBe((64 * KIB * 8_000) / 5);
  expect(rateOf(64 * KIB - 1, 5)).toBeUndefined();
  expect(rateOf(64 * KIB, 4.9)).toBeUndefined();
});

/** As the link emulator lets them through: slices of a millisecond, each late by some time, and none before the last. */
function messageParts({ jitterMs, random }: { jitterMs: number; random: () => number }): Arrival[] {
  const ends = [8_192, 55_461, 102_730, 150_000];
  const parts: Arrival[] = [];
  let arrivalMs = 0;
  for (let slice = 1; slice <= 12; slice++) {
    arrivalMs = Math.max(arrivalMs, slice + 2 * jitterMs * random());
    for (const heldBytes of ends)
      if (Math.ceil(heldBytes / 12_500) === slice) parts.push({ atMs: arrivalMs, heldBytes });
  }
  return parts;
}

function shownRate(parts: readonly Arrival[]): number {
  const [first, second, , last] = parts as [Arrival, Arrival, Arrival, Arrival];
  const { firstArrivalMs, laterBytes } = spreadOf([first, second], last.heldBytes, last.atMs);
  return rateOf(laterBytes, last.atMs - firstArrivalMs) ?? Number.NaN;
}

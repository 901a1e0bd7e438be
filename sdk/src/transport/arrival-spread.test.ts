import { expect, test } from 'vitest';
import { rateOf, spreadOf } from './arrival-spread.ts';

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

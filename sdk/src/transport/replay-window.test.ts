import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createReplayWindow } from './replay-window.ts';

test('a number is taken once, whatever the order, and not when it is too far behind', () => {
  const numbers = fc.array(fc.integer({ min: -2, max: 60 }), { maxLength: 200 });
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 20 }), (sequences, size) => {
      const window = createReplayWindow(size);
      const seen = new Set<number>();
      let newest = 0;
      for (const sequence of sequences) {
        const expected = sequence >= 1 && sequence > newest - size && !seen.has(sequence);
        expect(window.take(sequence)).toBe(expected);
        if (expected) seen.add(sequence);
        if (expected) newest = Math.max(newest, sequence);
      }
    }),
  );
});

test('a leap over the whole window forgets nothing that could come again', () => {
  const window = createReplayWindow(4);
  expect([1, 2, 100, 2, 97, 96, 97].map((sequence) => window.take(sequence))).toEqual([
    ...[true, true, true, false, true, false, false],
  ]);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutIntoParts, partBytesFor } from './parts.ts';

test('the parts of a message, put together, are its bytes', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 400 }), (some, partBytes) => {
      const parts = cutIntoParts(some, partBytes);
      const slices = Array.from({ length: parts.count }, (_, part) =>
        parts.slice(part).flatMap((view) => [...view]),
      );
      expect(slices.flat()).toEqual(some.flatMap((piece) => [...piece]));
      expect(slices.slice(0, -1).every((slice) => slice.length === partBytes)).toBe(true);
    }),
  );
});

test('a part leaves room for its header in the broker’s packets', () => {
  expect(partBytesFor(65_536, Number.POSITIVE_INFINITY, 200)).toBe(65_536);
  expect(partBytesFor(65_536, 10_000, 200)).toBe(10_000 - 1024 - 200);
  expect(() => partBytesFor(65_536, 2_000, 200)).toThrow(
    expect.objectContaining({ code: 'payload-too-large' }),
  );
});

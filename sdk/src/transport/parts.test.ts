import fc from 'fast-check';
import { expect, test } from 'vitest';
import { headerBytes } from '../protocol/envelope.ts';
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
      expect(slices.slice(0, -1).every((slice) => slice.length === parts.partBytes)).toBe(true);
      expect(parts.partBytes).toBeLessThanOrEqual(partBytes);
      expect(slices.slice(1).every((slice) => slice.length > 0)).toBe(true);
    }),
  );
});

test('a part leaves room for its header in the broker’s packets', () => {
  const head = { text: 'x'.repeat(190) };
  const headBytes = headerBytes(head) + 128;
  expect(partBytesFor(65_536, Number.POSITIVE_INFINITY, head)).toBe(65_536);
  expect(partBytesFor(65_536, 10_000, head)).toBe(10_000 - 1024 - headBytes);
  expect(() => partBytesFor(65_536, 2_000, head)).toThrow(
    expect.objectContaining({ code: 'payload-too-large' }),
  );
});

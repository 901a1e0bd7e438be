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
      const lengths = slices.map((slice) => slice.length);
      expect(lengths).toEqual(slices.map((_, part) => parts.bytesOf(part)));
      expect(Math.max(...lengths)).toBeLessThanOrEqual(partBytes);
      expect(new Set(lengths.slice(1, -1)).size).toBeLessThanOrEqual(1);
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

test('a message in parts begins with a short one, so that most of it tells of the link', () => {
  const lengths = (bytes: number) => {
    const parts = cutIntoParts([new Uint8Array(bytes)], 65_536);
    return Array.from({ length: parts.count }, (_, part) => parts.bytesOf(part));
  };
  expect(lengths(150_000)).toEqual([8_192, 47_270, 47_270, 47_268]);
  expect(lengths(65_537)).toEqual([8_192, 57_345]);
  expect(lengths(65_536)).toEqual([65_536]);
  expect(lengths(0)).toEqual([0]);
});

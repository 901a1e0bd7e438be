import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readVarint, varintBytes } from './varint.ts';

describe('a number in few bytes', () => {
  it('comes back whatever follows it, and takes one byte for each 7 bits', () => {
    const numbers = fc.oneof(
      fc.nat(300),
      fc.maxSafeNat().map((value) => value % 2 ** 35),
      fc.constant(2 ** 32 - 1),
    );
    fc.assert(
      fc.property(numbers, fc.uint8Array({ maxLength: 3 }), (value, rest) => {
        const bytes = varintBytes(value);
        expect(bytes.length).toBe(Math.max(1, Math.ceil(Math.log2(value + 1) / 7)));
        expect(readVarint(Uint8Array.of(...bytes, ...rest))).toEqual({ value, length: bytes.length });
      }),
    );
  });

  it.each([
    [[]],
    [[128]],
    [[255, 255, 255, 255, 255, 0]],
  ])('is refused where it does not end: %j', (bytes) => {
    expect(() => readVarint(Uint8Array.from(bytes))).toThrow('does not end');
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPacketWatch } from './packet-guard.ts';

const LIMITS = { firstBytes: 40, bytes: 300 };

function packet(length: number): number[] {
  const header = [0x30];
  let rest = length;
  do {
    header.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return [...header, ...new Array<number>(length).fill(0xff)];
}

function pieces(bytes: readonly number[], cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, index) => Uint8Array.from(bytes.slice(at[index], end)));
}

test('packets within the limits pass in whatever pieces they come, and the first beyond does not', () => {
  const lengths = fc.array(fc.nat(LIMITS.bytes), { maxLength: 8 });
  fc.assert(
    fc.property(
      fc.nat(LIMITS.firstBytes),
      lengths,
      fc.array(fc.nat(), { maxLength: 12 }),
      (first, more, cuts) => {
        const good = [first, ...more].flatMap(packet);
        const sees = createPacketWatch(LIMITS);
        expect(pieces(good, cuts).every(sees)).toBe(true);
        expect(sees(Uint8Array.from(packet(LIMITS.bytes + 1)))).toBe(false);
      },
    ),
  );
});

test('the first packet, which comes before a login, is held to its own limit', () => {
  expect(createPacketWatch(LIMITS)(Uint8Array.from(packet(41)))).toBe(false);
});

test('a length of five bytes is none', () => {
  expect(createPacketWatch(LIMITS)(Uint8Array.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x80]))).toBe(false);
});

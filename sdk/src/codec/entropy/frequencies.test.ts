import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  codedBits,
  ESCAPE_SLOT,
  normaliseCounts,
  readFrequencies,
  SYMBOLS,
  writeFrequencies,
} from './frequencies.ts';

describe('frequencies', () => {
  it('fill all slots but the escape, whatever the counts', () => {
    fc.assert(
      fc.property(anyCounts(), (counts) => {
        const frequencies = normaliseCounts(counts);
        expect(frequencies.reduce((sum, frequency) => sum + frequency, 0)).toBe(ESCAPE_SLOT);
      }),
    );
  });

  it('come back from their bytes, and say where they end', () => {
    fc.assert(
      fc.property(anyCounts(), (counts) => {
        const frequencies = normaliseCounts(counts);
        const bytes = writeFrequencies(frequencies);
        const stream = [...bytes, 77];
        expect(readFrequencies(() => stream.shift() ?? 0)).toEqual(frequencies);
        expect(stream).toEqual([77]);
      }),
    );
  });

  it('give the only symbol all slots, and one slot to each of 256 at least', () => {
    expect(normaliseCounts(countsOf([[9, 3]]))[9]).toBe(ESCAPE_SLOT);
    const even = normaliseCounts(new Uint32Array(SYMBOLS).fill(1));
    expect([Math.min(...even), Math.max(...even)]).toEqual([15, 16]);
  });

  it('leave what is seen once in a million to the escape, and code the rest within half a percent', () => {
    const counts = Uint32Array.from({ length: SYMBOLS }, (_, symbol) =>
      Math.round(1e6 * 0.9 ** Math.abs(symbol - 100)),
    );
    const frequencies = normaliseCounts(counts);
    expect(counts.some((count, symbol) => count > 0 && frequencies[symbol] === 0)).toBe(true);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const ideal = counts.reduce((sum, count) => sum - (count > 0 ? count * Math.log2(count / total) : 0), 0);
    expect(codedBits(counts, frequencies) / ideal).toBeLessThan(1.005);
  });

  it('are refused when slots are left over, are too many, or the run leaves the alphabet', () => {
    const read = (...bytes: number[]) => {
      const stream = [...bytes];
      return () => readFrequencies(() => stream.shift() ?? 0);
    };
    const invalid = expect.objectContaining({ code: 'codec-invalid' });
    expect(read(1, 0x90, 0x00)).toThrow(invalid);
    expect(read(1, 0)).toThrow(invalid);
    expect(read(255, 2)).toThrow(invalid);
    expect(read(0, 255, 0, 255)).toThrow(invalid);
    expect(read(1, 1, 255, 0)).toThrow(invalid);
  });
});

function anyCounts(): fc.Arbitrary<Uint32Array> {
  const pair = fc.tuple(fc.nat(255), fc.oneof(fc.nat(3), fc.nat(1_000_000)));
  return fc.array(pair, { maxLength: 300 }).map(countsOf);
}

function countsOf(pairs: readonly (readonly [number, number])[]): Uint32Array {
  const counts = new Uint32Array(SYMBOLS);
  for (const [symbol, count] of pairs) counts[symbol] = count;
  return counts;
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findComponents, type ProbabilityMap } from './components.ts';

/** Digits are tenths. */
function mapOf(...rows: readonly string[]): ProbabilityMap {
  const data = Float32Array.from(rows.join(''), (digit) => Number(digit) / 10);
  return { width: rows[0]?.length ?? 0, height: rows.length, data };
}

describe('components', () => {
  it('are joined over corners, kept apart by one pixel, and never joined around the edge', () => {
    const found = findComponents(
      mapOf(
        '900000', //
        '090008',
        '000008',
      ),
      0.3,
    );
    expect(found.map(({ left, top, right, bottom, pixels }) => [left, top, right, bottom, pixels])).toEqual([
      [0, 0, 2, 2, 2],
      [5, 1, 6, 3, 2],
    ]);
    expect(found.map(({ probability }) => probability.toFixed(3))).toEqual(['0.900', '0.800']);
  });

  it('leave out pixels at or below the threshold', () => {
    expect(findComponents(mapOf('2222', '0000'), 0.3)).toEqual([]);
    expect(findComponents({ width: 0, height: 0, data: new Float32Array() }, 0.3)).toEqual([]);
  });

  it('hold every pixel above the threshold exactly once', () => {
    const maps = fc
      .integer({ min: 1, max: 12 })
      .chain((width) =>
        fc.array(fc.stringMatching(new RegExp(`^[0-9]{${width}}$`)), { minLength: 1, maxLength: 12 }),
      );
    fc.assert(
      fc.property(maps, (rows) => {
        const total = findComponents(mapOf(...rows), 0.45).reduce((sum, { pixels }) => sum + pixels, 0);
        expect(total).toBe([...rows.join('')].filter((digit) => Number(digit) >= 5).length);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/random.ts';
import { distanceCorrelation } from './distance-correlation.ts';
import { type Picture, psnr, ssim } from './likeness.ts';
import { withNoise } from './noise.ts';
import { formOf, rangeOf, smallPicture } from './picture.ts';
import { fitRidge } from './ridge.ts';

const seed = fc.integer({ min: 0, max: 2 ** 30 });

function normals(count: number, width: number, random: () => number): Float32Array[] {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: count }, () => Float32Array.from({ length: width }, normal));
}

describe('distance correlation', () => {
  it('is 1 for what is turned, scaled and moved', () => {
    fc.assert(
      fc.property(
        seed,
        fc.integer({ min: 1, max: 6 }),
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        (start, width, scale) => {
          const x = normals(20, width, seededRandom(start));
          // Turned: places exchanged, signs changed.
          const y = x.map((row) =>
            Float32Array.from(row, (_, k) => ((k % 2) * 2 - 1) * scale * (row[width - 1 - k] as number) + 3),
          );
          expect(distanceCorrelation(x, y)).toBeCloseTo(1, 4);
        },
      ),
    );
  });

  it('is near 0 for what has nothing to do with each other, also where numbers are many and samples few', () => {
    fc.assert(
      fc.property(seed, fc.constantFrom(1, 5, 200), (start, width) => {
        const random = seededRandom(start);
        expect(distanceCorrelation(normals(80, width, random), normals(80, 4, random))).toBeLessThan(0.45);
      }),
      { numRuns: 40 },
    );
    const random = seededRandom(5);
    const squares = Array.from(
      { length: 30 },
      () => distanceCorrelation(normals(80, 100, random), normals(80, 50, random)) ** 2,
    );
    expect(squares.reduce((sum, value) => sum + value, 0) / squares.length).toBeLessThan(0.05);
  });

  it('sees what no correlation sees, is the same both ways, and lies between 0 and 1', () => {
    fc.assert(
      fc.property(seed, (start) => {
        const x = normals(80, 1, seededRandom(start));
        const y = x.map((row) => row.map((value) => value * value));
        const found = distanceCorrelation(x, y);
        expect(found).toBeGreaterThan(0.25);
        expect(found).toBeLessThanOrEqual(1);
        expect(distanceCorrelation(y, x)).toBeCloseTo(found, 12);
      }),
      { numRuns: 40 },
    );
  });

  it('is 0 for what never changes, and refuses fewer than 4', () => {
    const x = normals(10, 2, seededRandom(1));
    expect(
      distanceCorrelation(
        x,
        x.map(() => new Float32Array(3)),
      ),
    ).toBe(0);
    expect(() => distanceCorrelation(x.slice(0, 3), x.slice(0, 3))).toThrow('4 or more');
  });
});

describe('ridge regression', () => {
  it('solves the normal equations of the closed form: Xᵀ(Y − XW) = λW', () => {
    fc.assert(
      fc.property(
        seed,
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(0.01, 0.1, 1),
        (start, width, lambda) => {
          const random = seededRandom(start);
          const [x, y] = [normals(12, width, random), normals(12, 3, random)];
          const { predict } = fitRidge(x, y, [lambda]);
          const mean = (rows: readonly Float32Array[], k: number) =>
            rows.reduce((sum, row) => sum + (row[k] as number), 0) / rows.length;
          const centre = Float32Array.from({ length: width }, (_, k) => mean(x, k));
          const atCentre = predict(centre);
          const weight = (k: number, j: number) => {
            const moved = centre.slice();
            moved[k] = (moved[k] as number) + 1;
            return (predict(moved)[j] as number) - (atCentre[j] as number);
          };
          const own = x.map((row) => Array.from(row, (value, k) => value - (centre[k] as number)));
          const penalty = (lambda * own.flat().reduce((sum, value) => sum + value * value, 0)) / x.length;
          for (let j = 0; j < 3; j++) {
            const off = x.map(
              (row, i) => ((y[i] as Float32Array)[j] as number) - (predict(row)[j] as number),
            );
            for (let k = 0; k < width; k++) {
              const left = own.reduce((sum, row, i) => sum + (row[k] as number) * (off[i] as number), 0);
              expect(Math.abs(left - penalty * weight(k, j))).toBeLessThan(1e-3);
            }
          }
        },
      ),
    );
  });

  it('finds a linear map from samples that suffice, and takes the penalty that guesses best', () => {
    const random = seededRandom(3);
    const map = normals(3, 5, random);
    const through = (row: Float32Array) =>
      Float32Array.from(
        { length: 3 },
        (_, j) => 1 + (map[j] as Float32Array).reduce((sum, value, k) => sum + value * (row[k] as number), 0),
      );
    const x = normals(40, 5, random);
    const exact = fitRidge(x, x.map(through));
    const [fresh] = normals(1, 5, random) as [Float32Array];
    for (const [j, value] of through(fresh).entries()) expect(exact.predict(fresh)[j]).toBeCloseTo(value, 3);
    expect(exact.lambda).toBeLessThan(1e-3);
    // From noise nothing can be learnt but the mean.
    expect(fitRidge(x, normals(40, 3, random)).lambda).toBeGreaterThanOrEqual(1);
  });
});

const picture: fc.Arbitrary<Picture> = fc
  .record({
    channels: fc.constantFrom(1, 3),
    height: fc.integer({ min: 1, max: 16 }),
    width: fc.integer({ min: 1, max: 16 }),
    start: seed,
  })
  .map(({ start, ...size }) => {
    const random = seededRandom(start);
    return { ...size, data: Float32Array.from({ length: size.channels * size.height * size.width }, random) };
  });
const flat = (value: number): Picture => ({
  channels: 1,
  height: 12,
  width: 12,
  data: new Float32Array(144).fill(value),
});

describe('likeness of pictures', () => {
  it('is 1 for equal ones, less for others, and the same both ways', () => {
    fc.assert(
      fc.property(picture, seed, (one, start) => {
        const random = seededRandom(start);
        const other = { ...one, data: one.data.map(random) };
        expect(ssim(one, one)).toBeCloseTo(1, 9);
        expect(psnr(one, one)).toBe(100);
        expect(ssim(one, other)).toBeLessThanOrEqual(1);
        expect(ssim(other, one)).toBeCloseTo(ssim(one, other), 12);
      }),
    );
  });

  it('is what the formulas say for pictures of one grey', () => {
    const [a, b] = [0.25, 0.75];
    expect(ssim(flat(a), flat(b))).toBeCloseTo((2 * a * b + 1e-4) / (a * a + b * b + 1e-4), 6);
    expect(psnr(flat(0.5), flat(0.6))).toBeCloseTo(20, 4);
    expect(() => ssim(flat(0), { ...flat(0), channels: 2 })).toThrow('same size');
  });
});

describe('what the attacker wants and what is done against it', () => {
  it('is the picture in small: means of what each point stands for, whichever way the channels lie', () => {
    fc.assert(
      fc.property(seed, fc.constantFrom(4, 8, 16), (start, side) => {
        const random = seededRandom(start);
        const data = Float32Array.from({ length: 3 * 16 * 16 }, random);
        const first = { type: 'float32', dims: [1, 3, 16, 16], data } as const;
        const last = {
          type: 'float32',
          dims: [1, 16, 16, 3],
          data: data.map((_, k) => data[(k % 3) * 256 + Math.floor(k / 3)] as number),
        } as const;
        const small = smallPicture(first, formOf(first, side), { least: 0, most: 1 });
        expect([small.channels, small.height, small.width]).toEqual([3, side, side]);
        expect(smallPicture(last, formOf(last, side), { least: 0, most: 1 }).data).toEqual(small.data);
        const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
        expect(mean(small.data)).toBeCloseTo(mean(data), 4);
        const { least, most } = rangeOf([first]);
        expect(Math.max(...smallPicture(first, formOf(first, 16), { least, most }).data)).toBeCloseTo(1, 5);
      }),
    );
  });

  it('is noise of the wanted strength; whole numbers stay', () => {
    const data = normals(1, 20_000, seededRandom(1))[0] as Float32Array;
    const tensor = { type: 'float32', dims: [20_000], data: data.map((value) => 3 * value + 7) } as const;
    const noisy = withNoise(tensor, 0.5, seededRandom(2)).data as Float32Array;
    const off = noisy.map((value, k) => value - (tensor.data[k] as number));
    expect(Math.sqrt(off.reduce((sum, value) => sum + value * value, 0) / off.length)).toBeCloseTo(1.5, 1);
    expect(withNoise(tensor, 0, Math.random)).toBe(tensor);
    const tokens = { type: 'int64', dims: [2], data: BigInt64Array.of(1n, 2n) } as const;
    expect(withNoise(tokens, 1, Math.random)).toBe(tokens);
  });
});

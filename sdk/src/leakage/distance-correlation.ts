/**
 * Distance correlation: whether two sets of vectors have anything to do with each other, linear or not. In its bias-corrected
 * form (Székely and Rizzo, "The distance correlation t-test of independence in high dimension", 2013), because the usual
 * one is near 1 for a few samples of many numbers, whatever they are.
 */
import { SplitError } from '../errors.ts';

/** A sample: one vector for each input, all of the same length. */
export type Rows = readonly Float32Array[];

/**
 * @param x n vectors, n at least 4
 * @param y n vectors that belong to those of `x`
 * @returns 0 (independent) to 1 (one is the other, turned, moved and scaled); estimates below 0 are given as 0
 * @throws SplitError `options-invalid` for fewer than 4 vectors, or not as many
 */
export function distanceCorrelation(x: Rows, y: Rows): number {
  if (x.length < 4 || x.length !== y.length)
    throw new SplitError(
      'options-invalid',
      `distance correlation of ${x.length} and ${y.length} vectors; expected 4 or more, as many`,
    );
  const [a, b] = [centred(distances(x)), centred(distances(y))];
  const [own, other, both] = [product(a, a), product(b, b), product(a, b)];
  if (own <= 0 || other <= 0) return 0;
  return Math.sqrt(Math.min(1, Math.max(0, both / Math.sqrt(own * other))));
}

/** Euclidean, between every two vectors; n × n, row by row. */
function distances(rows: Rows): Float64Array {
  const n = rows.length;
  const all = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const distance = between(rows[i] as Float32Array, rows[j] as Float32Array);
      all[i * n + j] = distance;
      all[j * n + i] = distance;
    }
  }
  return all;
}

function between(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += ((a[k] as number) - (b[k] as number)) ** 2;
  return Math.sqrt(sum);
}

/** U-centred: rows and columns sum to nothing without the diagonal, which is 0. */
function centred(matrix: Float64Array): Float64Array {
  const n = Math.sqrt(matrix.length);
  const sums = Array.from({ length: n }, (_, i) =>
    matrix.subarray(i * n, (i + 1) * n).reduce((sum, v) => sum + v, 0),
  );
  const whole = sums.reduce((sum, value) => sum + value, 0);
  return matrix.map((value, place) => {
    const [i, j] = [Math.floor(place / n), place % n];
    if (i === j) return 0;
    return value - ((sums[i] as number) + (sums[j] as number)) / (n - 2) + whole / ((n - 1) * (n - 2));
  });
}

/** The mean over all pairs, without its constant, which the quotient does not see. */
function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let place = 0; place < a.length; place++) sum += (a[place] as number) * (b[place] as number);
  return sum;
}

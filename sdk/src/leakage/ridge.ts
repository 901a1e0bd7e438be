/**
 * Ridge regression from vectors to vectors, the reference attacker: the best linear guess at an input from an activation. Solved
 * over the samples, which are few, and not over the numbers of an activation, which are many; both give the same guess.
 */
import { SplitError } from '../errors.ts';
import { inverseOf } from './cholesky.ts';
import type { Rows } from './distance-correlation.ts';

export interface Ridge {
  /** The penalty that was used, in relation to the mean square of a centred sample. */
  readonly lambda: number;
  predict(x: Float32Array): Float32Array;
}

/** From hardly any penalty to one that leaves the mean. */
const LAMBDAS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10];

/**
 * @param x n vectors, n at least 2
 * @param y n vectors to be guessed from those of `x`
 * @param lambdas of these the one is taken that guesses best at each sample from all the others (leave one out, closed form)
 * @throws SplitError `options-invalid` for fewer than 2 vectors, or not as many
 */
export function fitRidge(x: Rows, y: Rows, lambdas: readonly number[] = LAMBDAS): Ridge {
  const n = x.length;
  if (n < 2 || n !== y.length)
    throw new SplitError(
      'options-invalid',
      `ridge regression of ${n} and ${y.length} vectors; expected 2 or more, as many`,
    );
  const [meanX, meanY] = [meanOf(x), meanOf(y)];
  const [own, wanted] = [x.map((row) => minus(row, meanX)), y.map((row) => minus(row, meanY))];
  const kernel = gram(own);
  const scale = trace(kernel, n) / n || 1;
  const fits = lambdas.map((lambda) => fitAt(kernel, wanted, { n, lambda, penalty: lambda * scale }));
  const best = fits.reduce((a, b) => (b.error < a.error ? b : a));
  return {
    lambda: best.lambda,
    predict(row) {
      const centred = minus(row, meanX);
      const guess = Float64Array.from(meanY);
      for (const [i, sample] of own.entries()) {
        const weight = dot(sample, centred);
        const dual = best.dual[i] as Float64Array;
        for (let k = 0; k < guess.length; k++) guess[k] = (guess[k] as number) + weight * (dual[k] as number);
      }
      return Float32Array.from(guess);
    },
  };
}

interface Fit {
  readonly lambda: number;
  /** For each sample, what it adds for each unit of likeness. */
  readonly dual: readonly Float64Array[];
  /** Mean square of the guesses at left-out samples. */
  readonly error: number;
}

interface FitOptions {
  readonly n: number;
  readonly lambda: number;
  readonly penalty: number;
}

function fitAt(kernel: Float64Array, wanted: Rows, { n, lambda, penalty }: FitOptions): Fit {
  const regular = kernel.slice();
  for (let i = 0; i < n; i++) regular[i * n + i] = (regular[i * n + i] as number) + penalty;
  const inverse = inverseOf(regular, n);
  const width = wanted[0]?.length ?? 0;
  let error = 0;
  const dual = Array.from({ length: n }, (_, i) => {
    const row = new Float64Array(width);
    for (let j = 0; j < n; j++) {
      const weight = inverse[i * n + j] as number;
      const target = wanted[j] as Float32Array;
      for (let k = 0; k < width; k++) row[k] = (row[k] as number) + weight * (target[k] as number);
    }
    // The guess at a left-out sample is off by dual / diagonal (Rifkin and Lippert, 2007).
    const own = inverse[i * n + i] as number;
    for (const value of row) error += (value / own) ** 2;
    return row;
  });
  return { lambda, dual, error: error / (n * Math.max(1, width)) };
}

function gram(rows: Rows): Float64Array {
  const n = rows.length;
  const kernel = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      const value = dot(rows[i] as Float32Array, rows[j] as Float32Array);
      kernel[i * n + j] = value;
      kernel[j * n + i] = value;
    }
  }
  return kernel;
}

function trace(matrix: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += matrix[i * n + i] as number;
  return sum;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] as number) * (b[k] as number);
  return sum;
}

function meanOf(rows: Rows): Float32Array {
  const sums = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows)
    for (let k = 0; k < sums.length; k++) sums[k] = (sums[k] as number) + (row[k] as number);
  return Float32Array.from(sums, (sum) => sum / rows.length);
}

function minus(row: Float32Array, mean: Float32Array): Float32Array {
  return row.map((value, k) => value - (mean[k] as number));
}

/** The inverse of a symmetric positive definite matrix, by Cholesky's decomposition. */
import { SplitError } from '../errors.ts';

/**
 * @param matrix n × n, row by row
 * @throws SplitError `internal` where it is not positive definite
 */
export function inverseOf(matrix: Float64Array, n: number): Float64Array {
  const lower = decompose(matrix, n);
  const inverse = new Float64Array(n * n);
  for (let column = 0; column < n; column++) {
    const solved = solve(lower, n, column);
    for (let row = 0; row < n; row++) inverse[row * n + column] = solved[row] as number;
  }
  return inverse;
}

function decompose(matrix: Float64Array, n: number): Float64Array {
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j] as number;
      for (let k = 0; k < j; k++) sum -= (lower[i * n + k] as number) * (lower[j * n + k] as number);
      if (i === j && !(sum > 0)) throw new SplitError('internal', 'a matrix is not positive definite');
      lower[i * n + j] = i === j ? Math.sqrt(sum) : sum / (lower[j * n + j] as number);
    }
  }
  return lower;
}

/** Of the unit vector of that column: forward, then backward. */
function solve(lower: Float64Array, n: number, column: number): Float64Array {
  const x = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = i === column ? 1 : 0;
    for (let k = 0; k < i; k++) sum -= (lower[i * n + k] as number) * (x[k] as number);
    x[i] = sum / (lower[i * n + i] as number);
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = x[i] as number;
    for (let k = i + 1; k < n; k++) sum -= (lower[k * n + i] as number) * (x[k] as number);
    x[i] = sum / (lower[i * n + i] as number);
  }
  return x;
}

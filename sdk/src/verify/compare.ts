/** How far two results lie apart: bit for bit first, and where that fails, by the largest difference. */
import { halvesToFloats } from '../codec/number-format/float16.ts';
import { type Tensor, type Tensors, tensorBytes } from '../tensor.ts';

export interface Difference {
  /** Equal bit for bit, in all outputs. */
  readonly isExact: boolean;
  /**
   * Largest difference of an output in relation to its largest finite value; of outputs, the largest. 0 where only the
   * signs of zeros or the bits of NaN differ; infinite where a shape, a type, an infinity or a NaN does.
   */
  readonly relative: number;
  /** The output with the largest difference; undefined when exact. */
  readonly output?: string;
}

/** @param names of the outputs to compare; one that `actual` lacks is infinitely far */
export function compareOutputs(actual: Tensors, expected: Tensors, names: readonly string[]): Difference {
  let worst: Difference = { isExact: true, relative: 0 };
  for (const name of names) {
    const [one, other] = [actual[name], expected[name]];
    if (one && other && isSameBits(one, other)) continue;
    const relative = one && other ? relativeDifference(one, other) : Number.POSITIVE_INFINITY;
    if (worst.isExact || relative > worst.relative) worst = { isExact: false, relative, output: name };
  }
  return worst;
}

function isSameBits(a: Tensor, b: Tensor): boolean {
  if (!isSameKind(a, b)) return false;
  const [left, right] = [tensorBytes(a), tensorBytes(b)];
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}

function relativeDifference(a: Tensor, b: Tensor): number {
  if (!isSameKind(a, b) || a.data.length !== b.data.length) return Number.POSITIVE_INFINITY;
  const [left, right] = [numbersOf(a), numbersOf(b)];
  let [difference, scale] = [0, 0];
  for (let i = 0; i < left.length; i++) {
    const [one, other] = [Number(left[i]), Number(right[i])];
    if (Object.is(one, other) || one === other) {
      if (Number.isFinite(other)) scale = Math.max(scale, Math.abs(other));
      continue;
    }
    if (!Number.isFinite(one) || !Number.isFinite(other)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(one - other));
    scale = Math.max(scale, Math.abs(other));
  }
  if (difference === 0) return 0;
  return scale === 0 ? Number.POSITIVE_INFINITY : difference / scale;
}

function isSameKind(a: Tensor, b: Tensor): boolean {
  return a.type === b.type && a.dims.length === b.dims.length && a.dims.every((dim, i) => dim === b.dims[i]);
}

function numbersOf({ type, data }: Tensor): ArrayLike<number | bigint> {
  return type === 'float16' ? halvesToFloats(data as Uint16Array) : data;
}

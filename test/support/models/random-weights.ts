/** Seeded random tensors: constant weights would make every output the same, and a broken split pass. */
import { elementCount, type Tensor } from '../../../sdk/src/tensor.ts';

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface RandomTensorOptions {
  /** Values lie within `spread` of `centre`. @default 1 */
  readonly spread?: number;
  /** @default 0 */
  readonly centre?: number;
}

export function randomTensor(
  next: () => number,
  dims: readonly number[],
  { spread = 1, centre = 0 }: RandomTensorOptions = {},
): Tensor {
  const data = Float32Array.from({ length: elementCount(dims) }, () => centre + (next() * 2 - 1) * spread);
  return { type: 'float32', data, dims };
}

/** Tensors of every type, with values as they are met: two frames of one seed are a scene that changes a little. */

import { floatsToHalves } from '../../sdk/src/codec/number-format/float16.ts';
import {
  elementCount,
  TENSOR_TYPES,
  type Tensor,
  type TensorType,
  tensorFromBytes,
} from '../../sdk/src/tensor.ts';

/** The value at a place; `noise` is from 0 to 1 and differs from frame to frame. */
type ValueAt = (place: number, seed: number, noise: number) => number;

const VALUES = {
  constant: (_, seed) => (seed % 1000) - 500.25,
  zero: () => 0,
  sparse: (place, seed, noise) => ((place * 7 + seed) % 5 === 0 ? 1 + (place % 3) + noise / 8 : 0),
  smooth: (place, seed, noise) => 9 * Math.sin(place / 9 + seed) + noise / 2,
  noise: (_, __, noise) => 255 * noise,
  outliers: (place, seed, noise) => (place % 300 === seed % 300 ? 1e4 * (1 + noise) : Math.sin(place)),
  tiny: (place, _, noise) => (place % 2 === 0 ? 2 ** -140 : -(2 ** -127)) * noise,
  huge: (place, _, noise) => (place % 2 === 0 ? 3e38 : -3e38) * noise,
  nan: (place, seed, noise) =>
    place === seed % 7 ? ([Number.NaN, Infinity, -Infinity, -0][place % 4] ?? 0) : noise,
} satisfies Record<string, ValueAt>;

export type Distribution = keyof typeof VALUES;

export const DISTRIBUTIONS: readonly Distribution[] = Object.keys(VALUES) as Distribution[];

export interface TensorOptions {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly distribution: Distribution;
  readonly seed: number;
  readonly frame: number;
}

/** Where the type is no float, its bytes are those of the values' float32, cut or filled up. */
export function makeTensor({ type, dims, distribution, seed, frame }: TensorOptions): Tensor {
  const valueAt: ValueAt = VALUES[distribution];
  const random = noiseOf(seed, frame);
  const values = Float32Array.from({ length: elementCount(dims) }, (_, place) =>
    valueAt(place, seed, random()),
  );
  if (type === 'float32') return { type, dims, data: values };
  if (type === 'float16') {
    const data = new Uint16Array(values.length);
    floatsToHalves(values, data);
    return { type, dims, data };
  }
  const bytes = new Uint8Array(values.length * TENSOR_TYPES[type].bytes);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = (values[Math.floor((i * values.length) / bytes.length)] ?? 0) & 255;
  return tensorFromBytes(type, dims, bytes);
}

function noiseOf(seed: number, frame: number): () => number {
  let state = Math.imul(seed + 1, 2_654_435_761) ^ Math.imul(frame + 1, 40_503);
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
}

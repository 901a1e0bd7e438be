/** Seeded feeds for a generated architecture. */
import { elementCount, type Tensor, type Tensors } from '../../../sdk/src/tensor.ts';
import type { Architecture, ArchitectureInput } from './architecture.ts';
import { randomNumbers, randomTensor } from './random-weights.ts';

export interface FeedOptions {
  readonly scale: number;
  /** Rows. @default 1 */
  readonly batch?: number;
  readonly seed?: number;
}

export function architectureFeeds(
  architecture: Architecture,
  { scale, batch = 1, seed = 41 }: FeedOptions,
): Tensors {
  const next = randomNumbers(seed);
  const inputs = Object.entries(architecture.inputs(scale));
  return Object.fromEntries(inputs.map(([name, input]) => [name, feedOf(input, batch, next)]));
}

/** Shapes by input, for `openModel`. */
export function architectureShapes(
  architecture: Architecture,
  { scale, batch = 1 }: FeedOptions,
): Readonly<Record<string, readonly number[]>> {
  const inputs = Object.entries(architecture.inputs(scale));
  return Object.fromEntries(inputs.map(([name, input]) => [name, dimsOf(input, batch)]));
}

function feedOf(input: ArchitectureInput, batch: number, next: () => number): Tensor {
  const dims = dimsOf(input, batch);
  if (input.type === 'float32') return randomTensor(next, dims);
  if (input.type !== 'int64') throw new Error(`no feeds of ${input.type} yet`);
  const { below = 2 } = input;
  const data = BigInt64Array.from({ length: elementCount(dims) }, () => BigInt(Math.floor(next() * below)));
  return { type: 'int64', data, dims };
}

const dimsOf = ({ shape }: ArchitectureInput, batch: number) =>
  shape.map((dim) => (dim === 'batch' ? batch : dim));

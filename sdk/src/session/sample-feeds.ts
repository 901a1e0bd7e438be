/** Feeds to warm up and time a model with: the same numbers on every start, never all equal. */
import {
  elementCount,
  TENSOR_TYPES,
  type Tensor,
  type TensorInfo,
  type Tensors,
  tensorFromBytes,
} from '../tensor.ts';

const MAX_SAMPLE_BYTES = 1 << 28;
const FLOAT16_EXPONENT_OF_ONE = 0x3c00;

/**
 * Seeded tensors for all inputs, with a batch of 1 where it is open. `undefined` where another dimension is open, since
 * times at a made-up size would mislead every device, and where a tensor would be enormous.
 */
export function sampleFeeds(
  inputs: readonly TensorInfo[],
  shapes: Readonly<Record<string, readonly number[]>>,
): Tensors | undefined {
  const feeds: Record<string, Tensor> = {};
  for (const [index, { name, type, shape }] of inputs.entries()) {
    const dims = shapes[name] ?? closedShape(shape);
    if (dims === undefined || elementCount(dims) * TENSOR_TYPES[type].bytes > MAX_SAMPLE_BYTES)
      return undefined;
    feeds[name] = sampleTensor({ type, dims, seed: index + 1 });
  }
  return feeds;
}

function closedShape(shape: TensorInfo['shape']): readonly number[] | undefined {
  const dims = shape?.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 ? 1 : undefined));
  const closed = dims?.filter((dim) => dim !== undefined);
  return closed?.length === shape?.length ? closed : undefined;
}

/** Floats lie in 0 to 1; integers are 0 or 1, since they often index into a table of unknown length. */
export function sampleTensor(o: { type: Tensor['type']; dims: readonly number[]; seed: number }): Tensor {
  const bytes = new Uint8Array(elementCount(o.dims) * TENSOR_TYPES[o.type].bytes);
  const tensor = tensorFromBytes(o.type, o.dims, bytes);
  const next = randomUnits(o.seed);
  const { data } = tensor;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < data.length; i++) data[i] = next() < 0.5 ? 0n : 1n;
  } else {
    const scale = scaleOf(o.type);
    for (let i = 0; i < data.length; i++) data[i] = scale(next());
  }
  return tensor;
}

function scaleOf(type: Tensor['type']): (unit: number) => number {
  if (type === 'float32' || type === 'float64') return (unit) => unit;
  // Bits of a half between 2^-14 and 1: any of them is a finite number.
  if (type === 'float16') return (unit) => 0x0400 + Math.floor(unit * (FLOAT16_EXPONENT_OF_ONE - 0x0400));
  return (unit) => (unit < 0.5 ? 0 : 1);
}

/** A 32-bit linear congruential generator: enough to keep values apart, and the same everywhere. */
function randomUnits(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

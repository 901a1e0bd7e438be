/** Collectives between ranks: what each has of a value becomes the whole value. */
import { SplitError } from '../errors.ts';
import { elementCount, type Tensor, tensorBytes, tensorFromBytes } from '../tensor.ts';

/** The parts one after the other along an axis, in the order of ranks. */
export function allGather(parts: readonly Tensor[], axis: number): Tensor {
  const [first] = parts;
  if (!first) throw new SplitError('internal', 'nothing to gather');
  const extent = parts.reduce((sum, { dims }) => sum + (dims[axis] ?? 0), 0);
  const dims = first.dims.map((dim, i) => (i === axis ? extent : dim));
  const blocks = elementCount(dims.slice(0, axis));
  const sources = parts.map((part) => {
    const bytes = tensorBytes(part);
    return { bytes, blockBytes: blocks === 0 ? 0 : bytes.length / blocks };
  });
  const whole = new Uint8Array(sources.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let at = 0;
  for (let block = 0; block < blocks; block++) {
    for (const { bytes, blockBytes } of sources) {
      whole.set(bytes.subarray(block * blockBytes, (block + 1) * blockBytes), at);
      at += blockBytes;
    }
  }
  return tensorFromBytes(first.type, dims, whole);
}

/** The sum of float32 tensors of one shape, added in the order of ranks. */
export function allReduce(parts: readonly Tensor[]): Tensor {
  const [first, ...others] = parts;
  if (first?.type !== 'float32') throw new SplitError('internal', `no sum of ${first?.type ?? 'nothing'}`);
  const sum = Float32Array.from(first.data as Float32Array);
  for (const { data } of others) {
    const terms = data as Float32Array;
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (terms[i] as number);
  }
  return { type: 'float32', data: sum, dims: first.dims };
}

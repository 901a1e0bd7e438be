/** Parts of weights: what one rank needs of a tensor's values. */
import { elementCount } from '../tensor.ts';

export interface WeightPart {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
}

/** Rows `from` to `to` along the axis, as bytes. @param bytes of all values, row-major */
export function partBytes(
  bytes: Uint8Array,
  dims: readonly number[],
  { axis, from, to }: WeightPart,
): Uint8Array {
  const extent = dims[axis] ?? 1;
  const blocks = elementCount(dims.slice(0, axis));
  const stepBytes = bytes.length / (blocks * extent);
  const own = (to - from) * stepBytes;
  const part = new Uint8Array(blocks * own);
  for (let block = 0; block < blocks; block++) {
    const at = (block * extent + from) * stepBytes;
    part.set(bytes.subarray(at, at + own), block * own);
  }
  return part;
}

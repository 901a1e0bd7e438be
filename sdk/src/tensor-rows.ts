/** Rows of tensors: slices along one axis, cut out and joined. Structural, like tensors themselves. */
import { SplitError } from './errors.ts';
import { elementCount, TENSOR_TYPES, type Tensor, tensorBytes, tensorFromBytes } from './tensor.ts';

/** Length of an axis; 0 for one that the tensor does not have. */
export function sizeAlong({ dims }: Pick<Tensor, 'dims'>, axis: number): number {
  return dims[axis] ?? 0;
}

/** Rows `start` up to, not including, `end`. On axis 0 a view of the same memory, else a copy. */
export function sliceRows(tensor: Tensor, axis: number, [start, end]: readonly [number, number]): Tensor {
  const { type, dims } = tensor;
  const size = sizeAlong(tensor, axis);
  if (start < 0 || end < start || end > size)
    throw new SplitError('internal', `rows ${start} to ${end} of a tensor of ${size}`);
  const { outer, rowBytes } = layout(tensor, axis);
  const [bytes, sliced] = [tensorBytes(tensor), withSize(dims, axis, end - start)];
  if (outer === 1) return tensorFromBytes(type, sliced, bytes.subarray(start * rowBytes, end * rowBytes));
  const copy = new Uint8Array(outer * (end - start) * rowBytes);
  for (let block = 0; block < outer; block++) {
    const at = block * size * rowBytes;
    const rows = bytes.subarray(at + start * rowBytes, at + end * rowBytes);
    copy.set(rows, block * (end - start) * rowBytes);
  }
  return tensorFromBytes(type, sliced, copy);
}

/** The same in memory of its own. */
export function copyRows(tensor: Tensor, axis: number, range: readonly [number, number]): Tensor {
  const { type, dims, ...rows } = sliceRows(tensor, axis, range);
  return tensorFromBytes(type, dims, tensorBytes({ type, dims, ...rows }).slice());
}

export function copyRow(tensor: Tensor, axis: number, index: number): Tensor {
  return copyRows(tensor, axis, [index, index + 1]);
}

/** All rows of tensors of one type and equal other dimensions, in order. The very tensor where there is but one. */
export function joinRows(tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new SplitError('internal', 'no tensors to join');
  if (tensors.length === 1) return first;
  const rows = tensors.reduce((sum, tensor) => sum + sizeAlong(tensor, axis), 0);
  const { outer } = layout(first, axis);
  const joined = new Uint8Array(
    elementCount(withSize(first.dims, axis, rows)) * TENSOR_TYPES[first.type].bytes,
  );
  let at = 0;
  for (let block = 0; block < outer; block++) {
    for (const tensor of tensors) {
      const bytes = layout(tensor, axis).rowBytes * sizeAlong(tensor, axis);
      joined.set(tensorBytes(tensor).subarray(block * bytes, (block + 1) * bytes), at);
      at += bytes;
    }
  }
  return tensorFromBytes(first.type, withSize(first.dims, axis, rows), joined);
}

function withSize(dims: readonly number[], axis: number, size: number): number[] {
  return dims.map((dim, i) => (i === axis ? size : dim));
}

function layout({ type, dims }: Tensor, axis: number): { outer: number; rowBytes: number } {
  return {
    outer: elementCount(dims.slice(0, axis)),
    rowBytes: elementCount(dims.slice(axis + 1)) * TENSOR_TYPES[type].bytes,
  };
}

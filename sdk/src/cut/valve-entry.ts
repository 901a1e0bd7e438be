/** Entries of the valve graph: inputs that take a value of the model, or nothing. */
import { elementCount, TENSOR_TYPES, type Tensor, type TensorInfo, tensorFromBytes } from '../tensor.ts';
import type { RowKind, RowTable } from './rows.ts';

export interface Entry {
  /** The model's name of the value. */
  readonly name: string;
  /** The valve graph's input. Its open dimensions have no name: batches of different sizes meet inside one run. */
  readonly input: TensorInfo;
  /** What to feed when nothing enters: no elements, or a few zeros. */
  readonly empty: Tensor;
  /** What its rows are; undefined where that is not known. */
  readonly kind: RowKind | undefined;
}

/** Values of fixed shape up to this size keep it, and are fed as zeros when nothing enters. */
const MAX_FIXED_BYTES = 4096;

/** @param input name of the valve graph's input */
export function makeEntry(info: TensorInfo, input: string, rows: RowTable): Entry {
  const kind = rows.get(info.name);
  const rowAxis = kind?.kind === 'row' ? kind.axis : undefined;
  const shape = info.shape && openShape(info, info.shape, rowAxis);
  return {
    name: info.name,
    input: { name: input, type: info.type, shape },
    empty: emptyTensor({ type: info.type, shape }),
    kind,
  };
}

function openShape(
  { type }: TensorInfo,
  shape: readonly (number | string)[],
  rowAxis: number | undefined,
): readonly (number | string)[] {
  const open = shape.map((dim, axis) => (typeof dim === 'string' || axis === rowAxis ? '' : dim));
  const isFixed = open.every((dim) => typeof dim === 'number');
  const isSmall = elementCount(open.map(Number)) * TENSOR_TYPES[type].bytes <= MAX_FIXED_BYTES;
  return isFixed && !isSmall ? open.map((dim, axis) => (axis === 0 ? '' : dim)) : open;
}

/**
 * The shape of the value where it is used: open dimensions have names again, so that the runtime may see which are
 * equal and fuse what depends on it. Names hold for the values of one gate in one run.
 */
export function namedShape(
  { input, kind }: Entry,
  declared: TensorInfo['shape'],
  prefix: string,
): TensorInfo['shape'] {
  if (!input.shape) return null;
  return input.shape.map((dim, axis) => {
    const name = declared?.[axis];
    if (kind?.kind === 'row' && kind.axis === axis) return `${prefix}rows`;
    return dim === '' && typeof name === 'string' && name !== '' ? `${prefix}${name}` : dim;
  });
}

function emptyTensor({ type, shape }: Pick<TensorInfo, 'type' | 'shape'>): Tensor {
  const dims = (shape ?? [0]).map((dim) => (typeof dim === 'number' ? dim : 0));
  return tensorFromBytes(type, dims, new Uint8Array(elementCount(dims) * TENSOR_TYPES[type].bytes));
}

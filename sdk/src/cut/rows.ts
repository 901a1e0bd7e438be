/**
 * Rows: what of a tensor belongs to which request of a batch. Found by comparing runs of the same graph with one
 * row and with three; a name or a shape in the file proves nothing.
 */
import { type Tensor, type Tensors, tensorBytes } from '../tensor.ts';
import { copyRow, sizeAlong } from '../tensor-rows.ts';
import type { Cut } from './cut.ts';

/** How a tensor depends on the rows of a batch. */
export type RowKind =
  /** One slice along `axis` is one row's, and the same whatever the other rows are. `dims` are those of one row. */
  | { readonly kind: 'row'; readonly axis: number; readonly dims: readonly number[] }
  /** The same for any number of rows. */
  | { readonly kind: 'invariant'; readonly value: Tensor }
  /** Integers that hold the number of rows N: element i is `perRow[i]`·N + `fixed[i]`. */
  | { readonly kind: 'shape'; readonly perRow: readonly number[]; readonly fixed: readonly number[] }
  /** Rows share a dimension with something else, as in [N·heads, …]. */
  | { readonly kind: 'folded' }
  /** A row's values depend on its neighbours. */
  | { readonly kind: 'mixed' };

/** Kinds by tensor name, inputs and outputs of the model among them. */
export type RowTable = ReadonlyMap<string, RowKind>;

/** The values of one row alone, and of a batch in which it stands among others. */
export interface RowRuns {
  readonly alone: Tensors;
  readonly batch: Tensors;
  /** Rows of the batch. */
  readonly batchRows: number;
  /** Which of them the lonely one is, from 0. */
  readonly index: number;
  /** Largest difference of a value in relation to its row's largest that counts as equal. @default 1e-5 */
  readonly tolerance?: number;
}

/** The kind of every tensor that both runs have. */
export function classifyRows(runs: RowRuns): RowTable {
  const table = new Map<string, RowKind>();
  for (const [name, alone] of Object.entries(runs.alone)) {
    const batch = runs.batch[name];
    if (batch) table.set(name, classify(alone, batch, runs));
  }
  return table;
}

function classify(alone: Tensor, batch: Tensor, runs: RowRuns): RowKind {
  if (alone.dims.length !== batch.dims.length) return { kind: 'folded' };
  const grown = alone.dims.flatMap((dim, axis) => (dim === batch.dims[axis] ? [] : [axis]));
  const [axis] = grown;
  if (axis === undefined) return classifySameShape(alone, batch, runs.batchRows);
  const isRow = grown.length === 1 && alone.dims[axis] === 1 && sizeAlong(batch, axis) === runs.batchRows;
  if (!isRow) return { kind: 'folded' };
  const among = copyRow(batch, axis, runs.index);
  return largestDifference(among, alone) <= (runs.tolerance ?? 1e-5)
    ? { kind: 'row', axis, dims: alone.dims }
    : { kind: 'mixed' };
}

function classifySameShape(alone: Tensor, batch: Tensor, rows: number): RowKind {
  if (largestDifference(batch, alone) === 0) return { kind: 'invariant', value: alone };
  const [one, many] = [Array.from(alone.data, Number), Array.from(batch.data, Number)];
  const perRow = one.map((value, i) => ((many[i] ?? Number.NaN) - value) / (rows - 1));
  const isShape = alone.type.includes('int') && perRow.every(Number.isInteger);
  // Floats of one shape that change with the batch are a statistic over it: its rows are not independent.
  return isShape
    ? { kind: 'shape', perRow, fixed: one.map((value, i) => value - (perRow[i] ?? 0)) }
    : { kind: 'mixed' };
}

/**
 * How far a row in a batch of itself lies from the row alone, at worst: what a provider's other order of sums does to
 * it, if anything. Rows that depend on each other differ by far more from one neighbour to the next.
 */
export function rowNoise({ alone, batch, batchRows, index }: RowRuns): number {
  let noise = 0;
  for (const [name, one] of Object.entries(alone)) {
    const many = batch[name];
    if (!many) continue;
    const axis = one.dims.findIndex((dim, i) => dim === 1 && many.dims[i] === batchRows);
    if (axis < 0) continue;
    const difference = largestDifference(copyRow(many, axis, index), one);
    noise = Math.max(noise, Number.isFinite(difference) ? difference : 0);
  }
  return noise;
}

/** In relation to the largest value of `expected`; equal bits and equal not-a-numbers count as no difference. */
export function largestDifference(actual: Tensor, expected: Tensor): number {
  if (actual.data.length !== expected.data.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [Number(actual.data[i]), Number(expected.data[i])];
    if (Number.isFinite(b)) scale = Math.max(scale, Math.abs(b));
    if (Object.is(a, b) || a === b) continue;
    const apart = Math.abs(a - b);
    if (!(apart <= Number.MAX_VALUE)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, apart);
  }
  return difference === 0 ? 0 : difference / (scale || 1);
}

/** Why requests cannot be batched at a cut; undefined where they can. */
export function whyNotBatched({ tensors }: Pick<Cut, 'tensors'>, rows: RowTable): string | undefined {
  const reasons = tensors.flatMap(({ name }) => {
    const reason = REASONS[rows.get(name)?.kind ?? 'unknown'];
    return reason === undefined ? [] : [`${JSON.stringify(name)} ${reason}`];
  });
  const hasRows = tensors.some(({ name }) => rows.get(name)?.kind === 'row');
  return reasons[0] ?? (hasRows ? undefined : 'no tensor that crosses has rows');
}

const REASONS: Readonly<Record<RowKind['kind'] | 'unknown', string | undefined>> = {
  row: undefined,
  invariant: undefined,
  shape: 'holds the number of rows',
  folded: 'folds rows into another dimension',
  mixed: 'differs with the other rows of a batch',
  unknown: 'was not seen in the runs that tell rows apart',
};

/** Whether a value may meet others of its kind in one run: rows of the size that was seen, or the very same value. */
export function fitsBatch(tensor: Tensor, kind: RowKind | undefined): boolean {
  if (kind?.kind === 'row') {
    const { axis, dims } = kind;
    return tensor.dims.length === dims.length && tensor.dims.every((dim, i) => i === axis || dim === dims[i]);
  }
  return kind?.kind === 'invariant' && isSameTensor(tensor, kind.value);
}

function isSameTensor(a: Tensor, b: Tensor): boolean {
  const [mine, theirs] = [tensorBytes(a), tensorBytes(b)];
  const isSameShape = a.dims.length === b.dims.length && a.dims.every((dim, i) => dim === b.dims[i]);
  return isSameShape && mine.length === theirs.length && mine.every((byte, i) => byte === theirs[i]);
}

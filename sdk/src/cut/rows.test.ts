import { describe, expect, it } from 'vitest';
import type { Tensor } from '../tensor.ts';
import type { RowKind, RowTable } from './rows.ts';
import { classifyRows, fitsBatch, rowNoise, whyNotBatched } from './rows.ts';

const floats = (dims: readonly number[], ...values: number[]): Tensor => ({
  type: 'float32',
  dims,
  data: Float32Array.from(values),
});
const integers = (dims: readonly number[], ...values: number[]): Tensor => ({
  type: 'int64',
  dims,
  data: BigInt64Array.from(values, BigInt),
});
/** What a value is by its runs alone and as the middle one of three rows. */
const kindOf = (alone: Tensor, batch: Tensor): RowKind | undefined =>
  classifyRows({ alone: { v: alone }, batch: { v: batch }, batchRows: 3, index: 1 }).get('v');

describe('telling rows apart', () => {
  it('finds the axis of the rows, the first or another', () => {
    expect(kindOf(floats([1, 2], 3, 4), floats([3, 2], 1, 2, 3, 4, 5, 6))).toEqual({
      kind: 'row',
      axis: 0,
      dims: [1, 2],
    });
    expect(kindOf(floats([2, 1], 2, 5), floats([2, 3], 1, 2, 3, 4, 5, 6))).toMatchObject({
      kind: 'row',
      axis: 1,
    });
  });

  it('takes a rounding for no difference, and a larger one for rows that depend on each other', () => {
    const batch = floats([3, 1], 9, 1, 9);
    expect(kindOf(floats([1, 1], 1 + 5e-6), batch)).toMatchObject({ kind: 'row' });
    expect(kindOf(floats([1, 1], 1 + 5e-5), batch)).toEqual({ kind: 'mixed' });
    expect(kindOf(floats([1, 1], Number.NaN), batch)).toEqual({ kind: 'mixed' });
  });

  it('measures a difference by the row, not by its larger neighbours', () => {
    expect(kindOf(floats([1, 1], 1e-3), floats([3, 1], 1000, 2e-3, 1000))).toEqual({ kind: 'mixed' });
  });

  it('knows a value that never changes, and keeps it', () => {
    const width = integers([1], 40);
    expect(kindOf(width, integers([1], 40))).toEqual({ kind: 'invariant', value: width });
  });

  it('knows integers that hold the number of rows, and solves for it', () => {
    expect(kindOf(integers([3], 1, 12, 64), integers([3], 3, 36, 64))).toEqual({
      kind: 'shape',
      perRow: [1, 12, 0],
      fixed: [0, 0, 64],
    });
  });

  it('takes floats of one shape that change with the batch for a statistic of it', () => {
    expect(kindOf(floats([1], 1), floats([1], 3))).toEqual({ kind: 'mixed' });
  });

  it('knows rows that are folded into another dimension, and a rank that changes', () => {
    expect(kindOf(floats([2], 1, 2), floats([6], 1, 2, 3, 4, 5, 6))).toEqual({ kind: 'folded' });
    expect(kindOf(floats([1], 1), floats([3, 1], 1, 1, 1))).toEqual({ kind: 'folded' });
  });

  it('measures what rounding does to a row among copies of itself', () => {
    const runs = { alone: { v: floats([1, 1], 2) }, batch: { v: floats([3, 1], 2, 2.002, 2) } };
    expect(rowNoise({ ...runs, batchRows: 3, index: 1 })).toBeCloseTo(1e-3);
  });
});

describe('batching at a cut', () => {
  const rows: RowTable = new Map<string, RowKind>([
    ['a', { kind: 'row', axis: 0, dims: [1, 2] }],
    ['width', { kind: 'invariant', value: integers([1], 40) }],
    ['size', { kind: 'shape', perRow: [1], fixed: [0] }],
  ]);
  const crossing = (...names: string[]) => ({
    tensors: names.map((name) => ({ name, type: 'float32', shape: null }) as const),
  });

  it('is possible where rows cross, alone or with what is the same for all', () => {
    expect(whyNotBatched(crossing('a', 'width'), rows)).toBeUndefined();
  });

  it('is refused with the name of what stands in the way', () => {
    expect(whyNotBatched(crossing('a', 'size'), rows)).toBe('"size" holds the number of rows');
    expect(whyNotBatched(crossing('a', 'new'), rows)).toMatch(/^"new" was not seen/);
    expect(whyNotBatched(crossing('width'), rows)).toBe('no tensor that crosses has rows');
  });

  it('admits rows of the size that was seen, and only the very value of what has none', () => {
    expect(fitsBatch(floats([5, 2], ...Array(10).fill(1)), rows.get('a'))).toBe(true);
    expect(fitsBatch(floats([5, 3], ...Array(15).fill(1)), rows.get('a'))).toBe(false);
    expect(fitsBatch(integers([1], 40), rows.get('width'))).toBe(true);
    expect(fitsBatch(integers([1], 41), rows.get('width'))).toBe(false);
    expect(fitsBatch(integers([1], 3), rows.get('size'))).toBe(false);
  });
});

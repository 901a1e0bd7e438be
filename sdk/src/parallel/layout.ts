/**
 * Layouts: how the ranks of a tensor-parallel group hold one value. After Megatron-LM (arXiv 1909.08053): a matrix split
 * by columns makes a split value, one split by rows makes partial sums.
 */

export interface SplitLayout {
  readonly kind: 'split';
  readonly axis: number;
  /** Rank r holds `bounds[r]` up to, not including, `bounds[r + 1]` along the axis. */
  readonly bounds: readonly number[];
}

export type Layout =
  /** Every rank has all of it. */
  | { readonly kind: 'whole' }
  | SplitLayout
  /** The value is the sum of what the ranks have. */
  | { readonly kind: 'partial' };

export const WHOLE: Layout = { kind: 'whole' };
export const PARTIAL: Layout = { kind: 'partial' };

/** Parts that differ by one at most. */
export function evenBounds(extent: number, ranks: number): readonly number[] {
  return Array.from({ length: ranks + 1 }, (_, rank) => Math.floor((rank * extent) / ranks));
}

/** The bounds of an axis each of whose steps has become `factor` steps. */
export function scaledBounds(bounds: readonly number[], factor: number): readonly number[] {
  return bounds.map((bound) => bound * factor);
}

/** What each rank holds along the axis. */
export function extentsOf(bounds: readonly number[]): readonly number[] {
  return bounds.slice(1).map((bound, rank) => bound - (bounds[rank] ?? 0));
}

export function isSameSplit(a: SplitLayout, b: SplitLayout): boolean {
  return a.axis === b.axis && a.bounds.every((bound, i) => bound === b.bounds[i]);
}

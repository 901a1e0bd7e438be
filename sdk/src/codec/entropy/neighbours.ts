/**
 * What a symbol's neighbours say about it: which table codes it, and what is coded.
 * `level`: the symbol itself, by the mean of its left and upper neighbours. Good where many symbols are the same, as
 * after a ReLU. `difference`: its distance from that mean, by how far the neighbours are apart. Good where values are
 * smooth, and nearly the same for pictures of any brightness.
 */
import type { Grid } from './grid.ts';
import { planePlaces } from './grid.ts';

export const CONTEXT_MODELS = ['level', 'difference'] as const;

export type ContextModel = (typeof CONTEXT_MODELS)[number];

/** Tables that one tensor may use. */
export const MAX_CONTEXTS = 8;

export interface Contexts {
  readonly model: ContextModel;
  /** Ascending, one fewer than there are tables: the context is the number of thresholds that are reached. */
  readonly thresholds: Uint8Array;
}

/** A symbol of a grid, by its plane and its position in that. */
export interface Place {
  readonly grid: Grid;
  readonly plane: number;
  readonly position: number;
}

export interface Neighbours {
  /** Of left and upper neighbour, rounded up. */
  readonly mean: number;
  /** From the least to the greatest of left, upper, and the corner between them. */
  readonly spread: number;
}

/** Only symbols before it in the plane are looked at. Where one is missing another stands for it, 0 where all are. */
export function neighboursOf(symbols: Uint8Array, { grid, plane, position }: Place): Neighbours {
  const { first, step } = planePlaces(grid, plane);
  const { columns } = grid;
  const at = (index: number) => symbols[first + index * step] ?? 0;
  const hasLeft = position % columns > 0;
  const hasTop = position >= columns;
  const top = hasTop ? at(position - columns) : hasLeft ? at(position - 1) : 0;
  const left = hasLeft ? at(position - 1) : top;
  const corner = hasTop && hasLeft ? at(position - columns - 1) : top;
  return {
    mean: (left + top + 1) >> 1,
    spread: Math.max(left, top, corner) - Math.min(left, top, corner),
  };
}

/** What the thresholds are compared with. */
export function contextValue({ mean, spread }: Neighbours, model: ContextModel): number {
  return model === 'level' ? mean : spread;
}

/** What is subtracted from the symbol before coding, modulo 256. */
export function predictionOf({ mean }: Neighbours, model: ContextModel): number {
  return model === 'level' ? 0 : mean;
}

export function contextOf(neighbours: Neighbours, { model, thresholds }: Contexts): number {
  const value = contextValue(neighbours, model);
  let count = 0;
  for (const threshold of thresholds) if (value >= threshold) count++;
  return count;
}

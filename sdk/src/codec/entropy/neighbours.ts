/**
 * What a symbol's neighbours say about it: which table codes it, and what is coded. Five models:
 * `level` and `graded` code the symbol itself. Good where many symbols are the same, as after a ReLU.
 * `difference` and `median` code its distance from a guess. Good where values are smooth, and nearly the same for pictures
 * of any brightness. `level` and `difference` choose the table by one number, `graded` and `median` by two (cells.ts).
 * `energy` guesses as `median`, codes symbol 0 as such and all others by their distance (spike.ts), and chooses the table by
 * how wrong the guesses were round about (errors.ts), by the guess, and by what kind of channel it is.
 */
import type { CellMap, EnergyMap } from './cells.ts';
import { cellOf, energyCellOf } from './cells.ts';
import type { Grid } from './grid.ts';
import { planePlaces } from './grid.ts';

/** A model's number is its place here. */
export const CONTEXT_MODELS = ['level', 'difference', 'graded', 'median', 'energy'] as const;

export type ContextModel = (typeof CONTEXT_MODELS)[number];

/** Tables of the models without cells. */
export const MAX_CONTEXTS = 8;

/** Tables that one tensor may use. */
export const MAX_TABLES = 16;

export type Contexts = ThresholdContexts | CellContexts | EnergyContexts;

export interface ThresholdContexts {
  readonly model: 'level' | 'difference';
  /** Ascending, one fewer than there are tables: the context is the number of thresholds that are reached. */
  readonly thresholds: Uint8Array;
}

export interface CellContexts {
  readonly model: 'graded' | 'median';
  readonly cells: CellMap;
}

export interface EnergyContexts {
  readonly model: 'energy';
  readonly energy: EnergyMap;
}

/** A symbol of a grid, by its plane and its position in that. */
export interface Place {
  readonly grid: Grid;
  readonly plane: number;
  readonly position: number;
}

export interface Neighbours {
  readonly left: number;
  readonly top: number;
  /** Between the two. */
  readonly corner: number;
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
  return { left, top, corner };
}

/** What contexts look at, the main value first. */
export function contextValues(neighbours: Neighbours, model: ContextModel): readonly [number, number] {
  const { left, top, corner } = neighbours;
  const spread = Math.max(left, top, corner) - Math.min(left, top, corner);
  const guess = model === 'median' || model === 'energy' ? medianOf(neighbours) : meanOf(neighbours);
  return model === 'level' || model === 'graded' ? [guess, spread] : [spread, guess];
}

/** What the symbol is coded against. */
export function predictionOf(neighbours: Neighbours, model: ContextModel): number {
  if (model === 'median' || model === 'energy') return medianOf(neighbours);
  return model === 'difference' ? meanOf(neighbours) : 0;
}

/** @param energy for the model of that name: see errors.ts */
export function contextOf(
  neighbours: Neighbours,
  contexts: Contexts,
  { plane, energy }: { readonly plane: number; readonly energy: number },
): number {
  if ('energy' in contexts) {
    const values = [energy, medianOf(neighbours)] as const;
    return contexts.energy.tables[energyCellOf(values, plane, contexts.energy)] ?? 0;
  }
  const values = contextValues(neighbours, contexts.model);
  if ('cells' in contexts) return contexts.cells.tables[cellOf(values, contexts.cells)] ?? 0;
  let count = 0;
  for (const threshold of contexts.thresholds) if (values[0] >= threshold) count++;
  return count;
}

/** Tables that these contexts choose from. */
export function tableCount(contexts: Contexts): number {
  if ('energy' in contexts) return Math.max(...contexts.energy.tables) + 1;
  return 'cells' in contexts ? Math.max(...contexts.cells.tables) + 1 : contexts.thresholds.length + 1;
}

/** Of left and upper neighbour, rounded up. */
function meanOf({ left, top }: Neighbours): number {
  return (left + top + 1) >> 1;
}

/** The middle one of left, upper, and the plane through all three: an edge goes on, a slope too (as in JPEG-LS). */
function medianOf({ left, top, corner }: Neighbours): number {
  if (corner >= Math.max(left, top)) return Math.min(left, top);
  if (corner <= Math.min(left, top)) return Math.max(left, top);
  return left + top - corner;
}

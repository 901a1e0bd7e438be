/**
 * Cells: what two values of the neighbours say together, coarsely, and the table for each. Many cells share few tables,
 * so that a table is learnt from enough symbols, and all tables stay in the processor's cache.
 */

/** Cells of one row: the first value as it is below 16, by its upper half from there on. */
export const ROW_CELLS = 31;
/** Rows, by how many of the steps the second value reaches. */
export const MAX_ROWS = 4;
export const MAX_CELLS: number = ROW_CELLS * MAX_ROWS;

/** Rows of the model `energy`. */
export const MAX_ENERGY_ROWS = 8;
/** Kinds of channels that the model `energy` tells apart. */
export const MAX_CLASSES = 4;

export interface CellMap {
  /** Ascending, from 1 up: one fewer than there are rows. */
  readonly steps: Uint8Array;
  /** The table of each cell, row by row. All from 0 to the greatest are used. */
  readonly tables: Uint8Array;
}

export interface EnergyMap extends CellMap {
  /**
   * The class of each channel, one channel at least; plane p belongs to channel p modulo their number. All classes from 0 to
   * the greatest are used, and `tables` has the rows of one class after those of the other.
   */
  readonly classes: Uint8Array;
}

export function cellOf(
  [first, second]: readonly [number, number],
  { steps }: Pick<CellMap, 'steps'>,
): number {
  let row = 0;
  for (const step of steps) if (second >= step) row++;
  return row * ROW_CELLS + (first < 16 ? first : 15 + (first >> 4));
}

/** As `cellOf`, among the cells of the plane's class. */
export function energyCellOf(values: readonly [number, number], plane: number, map: EnergyMap): number {
  const { steps, classes } = map;
  const rows = (classes[plane % classes.length] ?? 0) * (steps.length + 1);
  return rows * ROW_CELLS + cellOf(values, map);
}

export function classCount({ classes }: Pick<EnergyMap, 'classes'>): number {
  return Math.max(...classes) + 1;
}

/** Each cell by itself, to count them. */
export function everyCell(steps: Uint8Array): CellMap {
  return { steps, tables: Uint8Array.from({ length: ROW_CELLS * (steps.length + 1) }, (_, cell) => cell) };
}

/**
 * Cells: what two values of the neighbours say together, coarsely, and the table for each. Many cells share few tables,
 * so that a table is learnt from enough symbols, and all tables stay in the processor's cache.
 */

/** Cells of one row: the first value as it is below 16, by its upper half from there on. */
export const ROW_CELLS = 31;
/** Rows, by how many of the steps the second value reaches. */
export const MAX_ROWS = 4;
export const MAX_CELLS: number = ROW_CELLS * MAX_ROWS;

export interface CellMap {
  /** Ascending, from 1 up: one fewer than there are rows. */
  readonly steps: Uint8Array;
  /** The table of each cell, row by row. All from 0 to the greatest are used. */
  readonly tables: Uint8Array;
}

export function cellOf(
  [first, second]: readonly [number, number],
  { steps }: Pick<CellMap, 'steps'>,
): number {
  let row = 0;
  for (const step of steps) if (second >= step) row++;
  return row * ROW_CELLS + (first < 16 ? first : 15 + (first >> 4));
}

/** Each cell by itself, to count them. */
export function everyCell(steps: Uint8Array): CellMap {
  return { steps, tables: Uint8Array.from({ length: ROW_CELLS * (steps.length + 1) }, (_, cell) => cell) };
}

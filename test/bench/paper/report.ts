/** The table of cells. */
import type { Cell } from './cell-figures.ts';

export function paperReport(cells: readonly Cell[]): string {
  return `${cells.length} cells`;
}

/** Contexts and frequencies, to where the kernels look for them. */
import type { CellMap } from '../entropy/cells.ts';
import { MAX_ROWS, ROW_CELLS } from '../entropy/cells.ts';
import type { CoderTables } from '../entropy/coder-tables.ts';
import { SYMBOLS } from '../entropy/frequencies.ts';
import { LANES } from '../entropy/grid.ts';
import type { Contexts } from '../entropy/neighbours.ts';
import { MAX_CONTEXTS } from '../entropy/neighbours.ts';
import type { KernelExports } from './wasm-memory.ts';
import { bytesAt, CELLS, FREQUENCIES, STEPS, THRESHOLDS } from './wasm-memory.ts';

export function placeContexts(wasm: KernelExports, contexts: Contexts): void {
  if ('cells' in contexts) placeCells(wasm, contexts.cells);
  else placeThresholds(wasm, THRESHOLDS, contexts.thresholds, MAX_CONTEXTS - 1);
}

function placeCells(wasm: KernelExports, { steps, tables }: CellMap): void {
  placeThresholds(wasm, STEPS, steps, MAX_ROWS - 1);
  for (let row = 0; row <= steps.length; row++) {
    const [small, large] = [row * ROW_CELLS, row * ROW_CELLS + LANES];
    const place = bytesAt(wasm, CELLS + row * 2 * LANES, 2 * LANES);
    place.set(tables.subarray(small, large));
    // The first place of the second half stays 0: values below 16 are in the first half.
    place[LANES] = 0;
    place.set(tables.subarray(large, small + ROW_CELLS), LANES + 1);
  }
}

/** Sixteen times each, less one and with the sign bit turned, as a signed comparison wants them; 127 is never exceeded. */
function placeThresholds(wasm: KernelExports, at: number, thresholds: Uint8Array, room: number): void {
  const vectors = bytesAt(wasm, at, room * LANES).fill(127);
  for (const [index, threshold] of thresholds.entries()) {
    vectors.fill((threshold - 1) ^ 128, index * LANES, (index + 1) * LANES);
  }
}

export function placeFrequencies(wasm: KernelExports, { frequencies }: CoderTables): void {
  for (const [context, table] of frequencies.entries()) {
    new Uint16Array(wasm.memory.buffer, FREQUENCIES + context * 2 * SYMBOLS, SYMBOLS).set(table);
  }
}

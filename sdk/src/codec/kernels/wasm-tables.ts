/** Contexts and frequencies, to where the kernels look for them. */
import type { CellMap, EnergyMap } from '../entropy/cells.ts';
import { MAX_CLASSES, MAX_ENERGY_ROWS, MAX_ROWS, ROW_CELLS } from '../entropy/cells.ts';
import type { CoderTables } from '../entropy/coder-tables.ts';
import { SYMBOLS } from '../entropy/frequencies.ts';
import type { Grid } from '../entropy/grid.ts';
import { groupCount, LANES } from '../entropy/grid.ts';
import type { Contexts } from '../entropy/neighbours.ts';
import { MAX_CONTEXTS } from '../entropy/neighbours.ts';
import type { KernelExports } from './wasm-memory.ts';
import {
  bytesAt,
  CELLS,
  ENERGY_CELLS,
  ENERGY_HIGH,
  ENERGY_STEPS,
  FREQUENCIES,
  STEPS,
  THRESHOLDS,
} from './wasm-memory.ts';

export function placeContexts(wasm: KernelExports, contexts: Contexts): void {
  if ('cells' in contexts) placeCells(wasm, contexts.cells);
  else if ('energy' in contexts) placeEnergy(wasm, contexts.energy);
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

/** A class's cells lie 256 apart, a row's 32. */
function placeEnergy(wasm: KernelExports, map: EnergyMap): void {
  const { steps, tables } = map;
  placeThresholds(wasm, ENERGY_STEPS, steps, MAX_ENERGY_ROWS - 1);
  const high = new Uint16Array(wasm.memory.buffer, ENERGY_HIGH, 256 * MAX_CLASSES);
  const cells = new Uint32Array(wasm.memory.buffer, ENERGY_CELLS, 256 * MAX_CLASSES);
  const rows = steps.length + 1;
  for (const [cell, table] of tables.entries()) {
    const row = Math.floor(cell / ROW_CELLS);
    const place = 256 * Math.floor(row / rows) + 32 * (row % rows) + (cell % ROW_CELLS);
    high[place] = table << 8;
    cells[place] = table << 14;
  }
}

/** Of each plane's channel, and zeros up to the last lane. */
export function placeClasses(wasm: KernelExports, at: number, contexts: Contexts, grid: Grid): void {
  const places = bytesAt(wasm, at, LANES * groupCount(grid)).fill(0);
  if (!('energy' in contexts)) return;
  const { classes } = contexts.energy;
  for (let plane = 0; plane < grid.planes; plane++) places[plane] = classes[plane % classes.length] as number;
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

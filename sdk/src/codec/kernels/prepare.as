// What is coded at each place, and by which table: for the encoder and for counting, row by row, so that it stays in the cache.

import { cellsOf, energyAt, errorRow, errorRowBytes, spikeCode, writeErrors } from './energy';
import { DIFFERENCE, ENERGY, ENERGY_HIGH, GRADED, IDLE_CONTEXT, LANES, LEVEL, MEDIAN, SCRATCH } from './memory';
import { contextOf, cornerOf, guessOf, idleLanes, leftOf, subtracts, topOf } from './neighbours';

/** Bytes that a place of one group takes: for each lane the code, and 8 bits higher the table. */
export const PREPARED_BYTES: usize = 32;

/**
 * One row of a pair of groups, whose lanes begin at `lanes`: positions in turn, and at each the groups in turn.
 * For `energy` rows must come from the last to the first, all of them, as `errors` holds three rows of each group.
 */
// @ts-ignore: decorator
@inline
function prepareAs(model: i32, lanes: usize, classes: usize, errors: usize, planes: i32, rows: i32, row: i32, columns: i32, to: usize): void {
  const rowBytes = <usize>columns << 4;
  const ringBytes = 3 * errorRowBytes(columns);
  const groups = min(2, (planes + 15) >> 4);
  for (let group = 0; group < groups; group++) {
    const first = lanes + <usize>group * rowBytes * rows;
    const ring = errors + <usize>group * ringBytes;
    const used = min(LANES, planes - group * LANES);
    if (model == ENERGY) {
      if (row == rows - 1) {
        memory.fill(ring, 0, ringBytes);
        writeErrors(first, ring, row, columns);
        writeErrors(first, ring, row - 1, columns);
      }
      writeErrors(first, ring, row - 2, columns);
    }
    const here = errorRow(ring, row, columns), above = errorRow(ring, row - 1, columns), above2 = errorRow(ring, row - 2, columns);
    const kinds = model == ENERGY ? v128.load(classes + <usize>group * LANES) : i8x16.splat(0);
    let at = first + <usize>row * rowBytes;
    let out = to + <usize>group * PREPARED_BYTES;
    for (let column = 0; column < columns; column++) {
      const top = topOf(at, row, column, rowBytes);
      const left = leftOf(at, column, top);
      const corner = model == LEVEL ? top : cornerOf(at, row, column, rowBytes, top);
      const guess = guessOf(model, left, top, corner);
      const value = v128.load(at);
      if (model == ENERGY) {
        const code = spikeCode(value, guess);
        prepareCells(cellsOf(energyAt(here, above, above2, <usize>column << 4), guess), kinds, code, out);
        if (used < LANES) prepareIdle(code, used, out);
      } else {
        let context = contextOf(model, left, top, corner, guess);
        if (used < LANES) context = v128.bitselect(i8x16.splat(<i8>IDLE_CONTEXT), context, idleLanes(used));
        const code = subtracts(model) ? i8x16.sub(value, guess) : value;
        v128.store(out, i8x16.shuffle(code, context, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
        v128.store(out, i8x16.shuffle(code, context, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16);
      }
      at += LANES;
      out += <usize>groups * PREPARED_BYTES;
    }
  }
}

// @ts-ignore: decorator
@inline
function high(cell: usize): u32 {
  return <u32>load<u16>((<usize>load<u16>(SCRATCH + cell) << 1) + ENERGY_HIGH);
}

// @ts-ignore: decorator
@inline
function highFour(cells: usize): i64 {
  const low = <u64>(high(cells) | (high(cells + 2) << 16));
  return <i64>(low | (<u64>(high(cells + 4) | (high(cells + 6) << 16)) << 32));
}

// @ts-ignore: decorator
@inline
function highTables(cells: usize): v128 {
  return i64x2.replace_lane(i64x2.splat(highFour(cells)), 1, highFour(cells + 8));
}

// @ts-ignore: decorator
@inline
function prepareCells(cells: v128, kinds: v128, code: v128, out: usize): void {
  v128.store(SCRATCH, i8x16.shuffle(cells, kinds, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
  v128.store(SCRATCH, i8x16.shuffle(cells, kinds, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16);
  v128.store(out, v128.or(highTables(0), i16x8.extend_low_i8x16_u(code)));
  v128.store(out, v128.or(highTables(16), i16x8.extend_high_i8x16_u(code)), 16);
}

// @ts-ignore: decorator
@inline
function prepareIdle(code: v128, used: i32, out: usize): void {
  const idle = idleLanes(used);
  const table = i16x8.splat(<i16>(IDLE_CONTEXT << 8));
  v128.store(out, v128.bitselect(table, v128.load(out), i16x8.extend_low_i8x16_s(idle)));
  v128.store(out, v128.bitselect(table, v128.load(out, 16), i16x8.extend_high_i8x16_s(idle)), 16);
}

export function prepareRow(model: i32, lanes: usize, classes: usize, errors: usize, planes: i32, rows: i32, row: i32, columns: i32, to: usize): void {
  if (model == LEVEL) prepareAs(LEVEL, lanes, classes, errors, planes, rows, row, columns, to);
  else if (model == DIFFERENCE) prepareAs(DIFFERENCE, lanes, classes, errors, planes, rows, row, columns, to);
  else if (model == GRADED) prepareAs(GRADED, lanes, classes, errors, planes, rows, row, columns, to);
  else if (model == MEDIAN) prepareAs(MEDIAN, lanes, classes, errors, planes, rows, row, columns, to);
  else prepareAs(ENERGY, lanes, classes, errors, planes, rows, row, columns, to);
}

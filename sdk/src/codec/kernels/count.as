// How often each symbol is coded by each table.

import { COUNTED, COUNTS, LANES } from './memory';
import { PREPARED_BYTES, prepareRow } from './prepare';

/** `errors` and `row` are room for the rows that prepareRow makes. */
export function count(model: i32, lanes: usize, classes: usize, errors: usize, prepared: usize, planes: i32, rows: i32, columns: i32): void {
  memory.fill(COUNTS, 0, COUNTED << 10);
  const pairBytes = 2 * ((<usize>columns << 4) * rows);
  for (let first = 0; first < planes; first += 2 * LANES) {
    const from = lanes + <usize>(first >> 5) * pairBytes;
    for (let row = rows - 1; row >= 0; row--) {
      prepareRow(model, from, classes + first, errors, planes - first, rows, row, columns, prepared);
      countRow(prepared, planes - first, columns);
    }
  }
}

function countRow(prepared: usize, planes: i32, columns: i32): void {
  let at = prepared;
  const groups = min(2, (planes + 15) >> 4);
  for (let column = 0; column < columns; column++) {
    for (let group = 0; group < groups; group++) {
      const used = min(LANES, planes - group * LANES);
      for (let k = 0; k < used; k++) {
        const counter = COUNTS + (<usize>load<u16>(at + (<usize>k << 1)) << 2);
        store<u32>(counter, load<u32>(counter) + 1);
      }
      at += PREPARED_BYTES;
    }
  }
}

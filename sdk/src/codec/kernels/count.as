// How often each symbol is coded in each context.

import { COUNTED, COUNTS, DIFFERENCE, GRADED, LANES, LEVEL, MEDIAN, SCRATCH } from './memory';
import { contextOf, cornerOf, guessOf, leftOf, subtracts, topOf } from './neighbours';

// @ts-ignore: decorator
@inline
function countAll(model: i32, lanes: usize, planes: i32, rows: i32, columns: i32): void {
  const rowBytes = <usize>columns << 4;
  let at = lanes;
  for (let first = 0; first < planes; first += LANES) {
    const used = min(LANES, planes - first);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const top = topOf(at, row, column, rowBytes);
        const left = leftOf(at, column, top);
        const corner = model == LEVEL ? top : cornerOf(at, row, column, rowBytes, top);
        const guess = guessOf(model, left, top, corner);
        const symbol = v128.load(at);
        v128.store(SCRATCH, contextOf(model, left, top, corner, guess));
        v128.store(SCRATCH, subtracts(model) ? i8x16.sub(symbol, guess) : symbol, 16);
        for (let k = 0; k < used; k++) {
          const counter = COUNTS + (<usize>load<u8>(SCRATCH + k) << 10) + (<usize>load<u8>(SCRATCH + k, 16) << 2);
          store<u32>(counter, load<u32>(counter) + 1);
        }
        at += 16;
      }
    }
  }
}

export function count(model: i32, lanes: usize, planes: i32, rows: i32, columns: i32): void {
  memory.fill(COUNTS, 0, COUNTED << 10);
  if (model == LEVEL) countAll(LEVEL, lanes, planes, rows, columns);
  else if (model == DIFFERENCE) countAll(DIFFERENCE, lanes, planes, rows, columns);
  else if (model == GRADED) countAll(GRADED, lanes, planes, rows, columns);
  else countAll(MEDIAN, lanes, planes, rows, columns);
}

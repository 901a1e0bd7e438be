// How often each symbol is coded in each context.

import { CONTEXTS, COUNTS, LANES, SCRATCH } from './memory';
import { contextOf, spreadOf, topOf } from './neighbours';

// @ts-ignore: decorator
@inline
function countAll(isDifference: bool, lanes: usize, planes: i32, rows: i32, columns: i32): void {
  const rowBytes = <usize>columns << 4;
  let at = lanes;
  for (let first = 0; first < planes; first += LANES) {
    const used = min(LANES, planes - first);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const top = topOf(at, row, column, rowBytes);
        const left = column ? v128.load(at - 16) : top;
        const mean = i8x16.avgr_u(left, top);
        let symbol = v128.load(at);
        if (isDifference) {
          const corner = row && column ? v128.load(at - rowBytes - 16) : top;
          v128.store(SCRATCH, contextOf(spreadOf(left, top, corner), i8x16.splat(0)));
          symbol = i8x16.sub(symbol, mean);
        } else v128.store(SCRATCH, contextOf(mean, i8x16.splat(0)));
        v128.store(SCRATCH, symbol, 16);
        for (let k = 0; k < used; k++) {
          const counter = COUNTS + (<usize>load<u8>(SCRATCH + k) << 10) + (<usize>load<u8>(SCRATCH + k, 16) << 2);
          store<u32>(counter, load<u32>(counter) + 1);
        }
        at += 16;
      }
    }
  }
}

export function count(isDifference: i32, lanes: usize, planes: i32, rows: i32, columns: i32): void {
  memory.fill(COUNTS, 0, CONTEXTS << 10);
  if (isDifference) countAll(true, lanes, planes, rows, columns);
  else countAll(false, lanes, planes, rows, columns);
}

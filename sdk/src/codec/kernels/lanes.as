// Symbols to lanes and back. In lanes they lie as [group of sixteen planes][position][lane].

import { LANES, ROWS, SCRATCH } from './memory';

// @ts-ignore: decorator
@inline
function interleave(from: usize, fromStep: usize, to: usize, toStep: usize): void {
  for (let i: usize = 0; i < 8; i++) {
    const a = v128.load(from + i * fromStep);
    const b = v128.load(from + (i + 8) * fromStep);
    v128.store(to + 2 * i * toStep, i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    v128.store(to + (2 * i + 1) * toStep, i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
  }
}

/** Sixteen rows of sixteen bytes become columns: four rounds of a perfect shuffle. */
function transpose(from: usize, fromStep: usize, to: usize, toStep: usize): void {
  interleave(from, fromStep, SCRATCH, 16);
  interleave(SCRATCH, 16, SCRATCH + 256, 16);
  interleave(SCRATCH + 256, 16, SCRATCH, 16);
  interleave(SCRATCH, 16, to, toStep);
}

/** Behind the symbols there must be as many bytes as a group has: planes that are missing are read, and never looked at. */
export function toLanes(symbols: usize, lanes: usize, planes: i32, positions: i32, isInterleaved: i32): void {
  for (let first = 0; first < planes; first += LANES) {
    const used = min(LANES, planes - first);
    const to = lanes + <usize>first * positions;
    if (isInterleaved) {
      for (let position = 0; position < positions; position++) copyLanes(symbols + <usize>position * planes + first, to + (<usize>position << 4), used);
      continue;
    }
    const from = symbols + <usize>first * positions;
    const whole = positions & ~15;
    for (let position = 0; position < whole; position += 16) transpose(from + position, positions, to + (<usize>position << 4), 16);
    for (let position = whole; position < positions; position++) {
      const lane = to + (<usize>position << 4);
      v128.store(lane, i8x16.splat(0));
      for (let k = 0; k < used; k++) store<u8>(lane + k, load<u8>(from + <usize>k * positions + position));
    }
  }
}

// @ts-ignore: decorator
@inline
function copyLanes(from: usize, to: usize, used: i32): void {
  if (used == LANES) {
    v128.store(to, v128.load(from));
    return;
  }
  v128.store(to, i8x16.splat(0));
  for (let k = 0; k < used; k++) store<u8>(to + k, load<u8>(from + k));
}

// As transpose, of which only the planes that there are may be written.
function transposeSome(from: usize, to: usize, positions: i32, used: i32): void {
  transpose(from, 16, ROWS, 16);
  for (let k = 0; k < used; k++) v128.store(to + <usize>k * positions, v128.load(ROWS + (<usize>k << 4)));
}

export function fromLanes(lanes: usize, symbols: usize, planes: i32, positions: i32, isInterleaved: i32): void {
  for (let first = 0; first < planes; first += LANES) {
    const used = min(LANES, planes - first);
    const from = lanes + <usize>first * positions;
    if (isInterleaved) {
      for (let position = 0; position < positions; position++) {
        const to = symbols + <usize>position * planes + first;
        if (used == LANES) v128.store(to, v128.load(from + (<usize>position << 4)));
        else for (let k = 0; k < used; k++) store<u8>(to + k, load<u8>(from + (<usize>position << 4) + k));
      }
      continue;
    }
    const to = symbols + <usize>first * positions;
    const whole = positions & ~15;
    for (let position = 0; position < whole; position += 16) {
      if (used == LANES) transpose(from + (<usize>position << 4), 16, to + position, positions);
      else transposeSome(from + (<usize>position << 4), to + position, positions, used);
    }
    for (let position = whole; position < positions; position++) {
      for (let k = 0; k < used; k++) store<u8>(to + <usize>k * positions + position, load<u8>(from + (<usize>position << 4) + k));
    }
  }
}

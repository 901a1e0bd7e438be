// The model `energy`: errors of guesses round about, cells, and codes that keep zero apart. Sixteen lanes at once.

import { ENERGY, ENERGY_STEPS, LANES } from './memory';
import { cornerOf, guessOf, leftOf, topOf } from './neighbours';

/**
 * Three rows of errors for each group of a pair, one vector a position, with room for what is not there: two zeros before and
 * one behind. A row's place among the three is its number modulo 3.
 */
// @ts-ignore: decorator
@inline
export function errorRowBytes(columns: i32): usize {
  return <usize>(columns + 3) << 4;
}

/** Where the errors of a row begin. Below 0 too. */
// @ts-ignore: decorator
@inline
export function errorRow(errors: usize, row: i32, columns: i32): usize {
  return errors + <usize>((row + 3) % 3) * errorRowBytes(columns);
}

// @ts-ignore: decorator
@inline
export function errorOf(symbol: v128, guess: v128): v128 {
  return i8x16.sub(i8x16.max_u(symbol, guess), i8x16.min_u(symbol, guess));
}

/** Rows begin at `here`, `above` and `above2`; the position is `offset` bytes on. */
// @ts-ignore: decorator
@inline
export function energyAt(here: usize, above: usize, above2: usize, offset: usize): v128 {
  const far = i8x16.avgr_u(v128.load(here + offset), v128.load(above2 + offset, 32));
  const near = i8x16.add_sat_u(v128.load(here + offset, 16), v128.load(above + offset, 32));
  const diagonal = i8x16.avgr_u(v128.load(above + offset, 16), v128.load(above + offset, 48));
  return i8x16.add_sat_u(near, i8x16.add_sat_u(diagonal, far));
}

/** Row and column among the cells of a class: 3 and 5 bits. */
// @ts-ignore: decorator
@inline
export function cellsOf(energy: v128, guess: v128): v128 {
  const column = i8x16.add(i8x16.min_u(energy, i8x16.splat(15)), v128.and(i16x8.shr_u(energy, 4), i8x16.splat(15)));
  const signed = v128.xor(guess, i8x16.splat(-128));
  const a = i8x16.add(i8x16.gt_s(signed, v128.load(ENERGY_STEPS)), i8x16.gt_s(signed, v128.load(ENERGY_STEPS, 16)));
  const b = i8x16.add(i8x16.gt_s(signed, v128.load(ENERGY_STEPS, 32)), i8x16.gt_s(signed, v128.load(ENERGY_STEPS, 48)));
  const c = i8x16.add(i8x16.gt_s(signed, v128.load(ENERGY_STEPS, 64)), i8x16.gt_s(signed, v128.load(ENERGY_STEPS, 80)));
  const row = i8x16.neg(i8x16.add(i8x16.add(a, b), i8x16.add(c, i8x16.gt_s(signed, v128.load(ENERGY_STEPS, 96)))));
  // At most 7 in each byte: nothing is shifted into the next.
  return v128.or(column, i16x8.shl(row, 5));
}

/** spike.ts says it in words. */
// @ts-ignore: decorator
@inline
export function spikeCode(symbol: v128, guess: v128): v128 {
  const isAbove = i8x16.eq(i8x16.max_u(symbol, guess), symbol);
  const distance = i8x16.sub(i8x16.sub(symbol, guess), isAbove);
  const zero = i8x16.splat(0);
  return v128.bitselect(symbol, distance, v128.or(i8x16.eq(symbol, zero), i8x16.eq(guess, zero)));
}

// @ts-ignore: decorator
@inline
export function spikeSymbol(code: v128, guess: v128): v128 {
  const below = i8x16.sub(code, i8x16.splat(1));
  const isAbove = i8x16.eq(i8x16.min_u(below, v128.not(guess)), below);
  const symbol = i8x16.add(i8x16.add(guess, code), isAbove);
  const zero = i8x16.splat(0);
  return v128.bitselect(code, symbol, v128.or(i8x16.eq(code, zero), i8x16.eq(guess, zero)));
}

/** The errors of one row of a group whose lanes begin at `lanes`; of a row above the first, zeros. */
export function writeErrors(lanes: usize, errors: usize, row: i32, columns: i32): void {
  const to = errorRow(errors, row, columns);
  if (row < 0) {
    memory.fill(to, 0, errorRowBytes(columns));
    return;
  }
  const rowBytes = <usize>columns << 4;
  let at = lanes + <usize>row * rowBytes;
  for (let column = 0; column < columns; column++) {
    const top = topOf(at, row, column, rowBytes);
    const left = leftOf(at, column, top);
    const guess = guessOf(ENERGY, left, top, cornerOf(at, row, column, rowBytes, top));
    v128.store(to + (<usize>column << 4), errorOf(v128.load(at), guess), 32);
    at += LANES;
  }
}

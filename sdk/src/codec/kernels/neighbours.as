// What a symbol's neighbours say about it, sixteen lanes at once. entropy/neighbours.ts says it in words.

import { CELLS, DIFFERENCE, GRADED, IDLE_MASKS, LEVEL, MEDIAN, STEPS, THRESHOLDS } from './memory';

// Upper and left neighbour and the corner between them, of all lanes; where one is missing another stands for it.
// @ts-ignore: decorator
@inline
export function topOf(at: usize, row: i32, column: i32, rowBytes: usize): v128 {
  if (row) return v128.load(at - rowBytes);
  if (column) return v128.load(at - 16);
  return i8x16.splat(0);
}

// @ts-ignore: decorator
@inline
export function leftOf(at: usize, column: i32, top: v128): v128 {
  return column ? v128.load(at - 16) : top;
}

// @ts-ignore: decorator
@inline
export function cornerOf(at: usize, row: i32, column: i32, rowBytes: usize, top: v128): v128 {
  return row && column ? v128.load(at - rowBytes - 16) : top;
}

/** The guess that contexts look at; `level` and `graded` subtract nothing, `energy` codes by it as in energy.as. */
// @ts-ignore: decorator
@inline
export function guessOf(model: i32, left: v128, top: v128, corner: v128): v128 {
  if (model <= GRADED) return i8x16.avgr_u(left, top);
  const least = i8x16.min_u(left, top);
  const greatest = i8x16.max_u(left, top);
  const plane = i8x16.sub(i8x16.add(left, top), corner);
  // At or above the greatest, or at or below the least, the plane through the three would leave what the two span.
  const isHigh = i8x16.eq(i8x16.max_u(corner, greatest), corner);
  const isLow = i8x16.eq(i8x16.min_u(corner, least), corner);
  return v128.bitselect(least, v128.bitselect(greatest, plane, isLow), isHigh);
}

// @ts-ignore: decorator
@inline
export function subtracts(model: i32): bool {
  return model == DIFFERENCE || model == MEDIAN;
}

/** Which table codes the symbol. */
// @ts-ignore: decorator
@inline
export function contextOf(model: i32, left: v128, top: v128, corner: v128, guess: v128): v128 {
  if (model == LEVEL) return reached(guess);
  const spread = spreadOf(left, top, corner);
  if (model == DIFFERENCE) return reached(spread);
  return model == GRADED ? cellOf(guess, spread) : cellOf(spread, guess);
}

// How many of the seven thresholds, less one and with the sign bit turned, a value exceeds.
// @ts-ignore: decorator
@inline
function reached(value: v128): v128 {
  const signed = v128.xor(value, i8x16.splat(-128));
  const a = i8x16.add(i8x16.gt_s(signed, v128.load(THRESHOLDS)), i8x16.gt_s(signed, v128.load(THRESHOLDS, 16)));
  const b = i8x16.add(i8x16.gt_s(signed, v128.load(THRESHOLDS, 32)), i8x16.gt_s(signed, v128.load(THRESHOLDS, 48)));
  const c = i8x16.add(i8x16.gt_s(signed, v128.load(THRESHOLDS, 64)), i8x16.gt_s(signed, v128.load(THRESHOLDS, 80)));
  return i8x16.neg(i8x16.add(i8x16.add(a, b), i8x16.add(c, i8x16.gt_s(signed, v128.load(THRESHOLDS, 96)))));
}

// A swizzle gives 0 for 16 and more, and the second half of a row has 0 for values below 16.
// @ts-ignore: decorator
@inline
function inRow(row: usize, value: v128, high: v128): v128 {
  return v128.or(i8x16.swizzle(v128.load(CELLS + 32 * row), value), i8x16.swizzle(v128.load(CELLS + 32 * row + 16), high));
}

// The row by the second value, the place in it by the first.
// @ts-ignore: decorator
@inline
function cellOf(first: v128, second: v128): v128 {
  const high = i8x16.shr_u(first, 4);
  const signed = v128.xor(second, i8x16.splat(-128));
  let context = inRow(0, first, high);
  context = v128.bitselect(inRow(1, first, high), context, i8x16.gt_s(signed, v128.load(STEPS)));
  context = v128.bitselect(inRow(2, first, high), context, i8x16.gt_s(signed, v128.load(STEPS, 16)));
  return v128.bitselect(inRow(3, first, high), context, i8x16.gt_s(signed, v128.load(STEPS, 32)));
}

// @ts-ignore: decorator
@inline
function spreadOf(left: v128, top: v128, corner: v128): v128 {
  return i8x16.sub(i8x16.max_u(i8x16.max_u(left, top), corner), i8x16.min_u(i8x16.min_u(left, top), corner));
}

/** All ones in the lanes of the group that have no plane. IDLE_MASKS holds sixteen zeros, then sixteen times 255. */
// @ts-ignore: decorator
@inline
export function idleLanes(used: i32): v128 {
  return v128.load(16 - used, IDLE_MASKS);
}

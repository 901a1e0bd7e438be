// What a symbol's neighbours say about it, sixteen lanes at once. entropy/neighbours.ts says it in words.

import { IDLE_CONTEXT, IDLE_MASKS, THRESHOLDS } from './memory';

// Upper and left neighbour and the corner between them, of all lanes; where one is missing another stands for it.
// @ts-ignore: decorator
@inline
export function topOf(at: usize, row: i32, column: i32, rowBytes: usize): v128 {
  if (row) return v128.load(at - rowBytes);
  if (column) return v128.load(at - 16);
  return i8x16.splat(0);
}

// How many of the seven thresholds, less one and with the sign bit turned, a value exceeds.
// @ts-ignore: decorator
@inline
export function contextOf(value: v128, idle: v128): v128 {
  const signed = v128.xor(value, i8x16.splat(-128));
  const a = i8x16.add(i8x16.gt_s(signed, v128.load(THRESHOLDS)), i8x16.gt_s(signed, v128.load(THRESHOLDS, 16)));
  const b = i8x16.add(i8x16.gt_s(signed, v128.load(THRESHOLDS, 32)), i8x16.gt_s(signed, v128.load(THRESHOLDS, 48)));
  const c = i8x16.add(i8x16.gt_s(signed, v128.load(THRESHOLDS, 64)), i8x16.gt_s(signed, v128.load(THRESHOLDS, 80)));
  const sum = i8x16.add(i8x16.add(a, b), i8x16.add(c, i8x16.gt_s(signed, v128.load(THRESHOLDS, 96))));
  return v128.bitselect(i8x16.splat(<i8>IDLE_CONTEXT), i8x16.neg(sum), idle);
}

// @ts-ignore: decorator
@inline
export function spreadOf(left: v128, top: v128, corner: v128): v128 {
  return i8x16.sub(i8x16.max_u(i8x16.max_u(left, top), corner), i8x16.min_u(i8x16.min_u(left, top), corner));
}

/** All ones in the lanes of the group that have no plane. IDLE_MASKS holds sixteen zeros, then sixteen times 255. */
// @ts-ignore: decorator
@inline
export function idleLanes(used: i32): v128 {
  return v128.load(16 - used, IDLE_MASKS);
}

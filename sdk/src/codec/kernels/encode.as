// The encoder. It goes backwards, so that the decoder goes forwards. Two groups take turns, position by position.

import { DIFFERENCE, ENCODER, ESCAPE_ENTRY, GATHER, GRADED, IDLE_CONTEXT, LANES, LEVEL, LOWEST_STATE, MEDIAN } from './memory';
import { contextOf, cornerOf, guessOf, idleLanes, leftOf, subtracts, topOf } from './neighbours';

// Four table entries of 4 bytes by indices of 2. By way of memory, which is cheaper than taking numbers out of vectors.
// @ts-ignore: decorator
@inline
function encoderEntries(indices: usize): v128 {
  const a = v128.load32_zero(<usize>load<u16>(indices) << 2, ENCODER);
  const b = v128.load32_zero(<usize>load<u16>(indices, 2) << 2, ENCODER);
  const c = v128.load32_zero(<usize>load<u16>(indices, 4) << 2, ENCODER);
  const d = v128.load32_zero(<usize>load<u16>(indices, 6) << 2, ENCODER);
  return i64x2.shuffle(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(c, d, 0, 4, 1, 5), 0, 2);
}

// @ts-ignore: decorator
@inline
function fullLanes(state: v128, entry: v128): v128 {
  return i32x4.ge_u(state, i32x4.shl(v128.and(entry, i32x4.splat(0xffff)), 19));
}

// Exact: the float quotient, below 2^19, is at most one off, and the remainder says which way.
// @ts-ignore: decorator
@inline
function pushFour(state: v128, entry: v128): v128 {
  const frequency = v128.and(entry, i32x4.splat(0xffff));
  const estimate = i32x4.trunc_sat_f32x4_s(f32x4.div(f32x4.convert_i32x4_s(state), f32x4.convert_i32x4_s(frequency)));
  const rest = i32x4.sub(state, i32x4.mul(estimate, frequency));
  const low = i32x4.shr_s(rest, 31);
  const high = i32x4.gt_s(frequency, rest);
  // Minus one where the rest is negative; plus one where it is not below the frequency.
  const quotient = i32x4.add(i32x4.add(i32x4.add(estimate, low), high), i32x4.splat(1));
  const unused = i32x4.sub(i32x4.splat(4096), frequency);
  return i32x4.add(i32x4.add(state, i32x4.shr_u(entry, 16)), i32x4.mul(quotient, unused));
}

// @ts-ignore: decorator
@inline
function encodeAll(model: i32, lanes: usize, planes: i32, rows: i32, columns: i32, wordsEnd: usize, escapesEnd: usize, out: usize): void {
  const rowBytes = <usize>columns << 4;
  const groupBytes = rowBytes * rows;
  const groups = (planes + 15) >> 4;
  let a = i32x4.splat(LOWEST_STATE), b = a, c = a, d = a;
  let words = wordsEnd;
  let escapes = escapesEnd;
  for (let pair = (groups - 1) & ~1; pair >= 0; pair -= 2) {
    let here = lanes + <usize>(pair + 1) * groupBytes;
    for (let row = rows - 1; row >= 0; row--) {
      for (let column = columns - 1; column >= 0; column--) {
        here -= 16;
        for (let group = min(pair + 1, groups - 1); group >= pair; group--) {
          const at = group == pair ? here : here + groupBytes;
          const used = min(LANES, planes - group * LANES);
          const top = topOf(at, row, column, rowBytes);
          const left = leftOf(at, column, top);
          const corner = model == LEVEL ? top : cornerOf(at, row, column, rowBytes, top);
          const guess = guessOf(model, left, top, corner);
          let context = contextOf(model, left, top, corner, guess);
          if (used < LANES) context = v128.bitselect(i8x16.splat(<i8>IDLE_CONTEXT), context, idleLanes(used));
          const value = v128.load(at);
          const symbol = subtracts(model) ? i8x16.sub(value, guess) : value;
          v128.store(out, v128.or(i16x8.extend_low_i8x16_u(symbol), i16x8.shl(i16x8.extend_low_i8x16_u(context), 8)));
          v128.store(out, v128.or(i16x8.extend_high_i8x16_u(symbol), i16x8.shl(i16x8.extend_high_i8x16_u(context), 8)), 16);
          const ea = encoderEntries(out), eb = encoderEntries(out + 8);
          const ec = encoderEntries(out + 16), ed = encoderEntries(out + 24);
          const escape = i32x4.splat(ESCAPE_ENTRY);
          if (v128.any_true(v128.or(v128.or(i32x4.eq(ea, escape), i32x4.eq(eb, escape)), v128.or(i32x4.eq(ec, escape), i32x4.eq(ed, escape))))) {
            const found = i8x16.bitmask(i8x16.narrow_i16x8_s(
              i16x8.narrow_i32x4_s(i32x4.eq(ea, escape), i32x4.eq(eb, escape)),
              i16x8.narrow_i32x4_s(i32x4.eq(ec, escape), i32x4.eq(ed, escape)),
            ));
            v128.store(out, symbol);
            for (let k = 15; k >= 0; k--) {
              if (!(found & (1 << k))) continue;
              escapes -= 1;
              store<u8>(escapes, load<u8>(out + k));
            }
          }
          const fa = fullLanes(a, ea), fb = fullLanes(b, eb), fc = fullLanes(c, ec), fd = fullLanes(d, ed);
          const ma = i32x4.bitmask(fa), mb = i32x4.bitmask(fb), mc = i32x4.bitmask(fc), md = i32x4.bitmask(fd);
          const wordsD = words - 8;
          const wordsC = wordsD - (popcnt(md) << 1);
          const wordsB = wordsC - (popcnt(mc) << 1);
          const wordsA = wordsB - (popcnt(mb) << 1);
          v128.store_lane<u64>(wordsD, i8x16.swizzle(d, v128.load(<usize>md << 4, GATHER)), 0);
          v128.store_lane<u64>(wordsC, i8x16.swizzle(c, v128.load(<usize>mc << 4, GATHER)), 0);
          v128.store_lane<u64>(wordsB, i8x16.swizzle(b, v128.load(<usize>mb << 4, GATHER)), 0);
          v128.store_lane<u64>(wordsA, i8x16.swizzle(a, v128.load(<usize>ma << 4, GATHER)), 0);
          words = wordsA + 8 - (popcnt(ma) << 1);
          a = pushFour(v128.bitselect(i32x4.shr_u(a, 16), a, fa), ea);
          b = pushFour(v128.bitselect(i32x4.shr_u(b, 16), b, fb), eb);
          c = pushFour(v128.bitselect(i32x4.shr_u(c, 16), c, fc), ec);
          d = pushFour(v128.bitselect(i32x4.shr_u(d, 16), d, fd), ed);
        }
      }
    }
  }
  v128.store(out, a);
  v128.store(out, b, 16);
  v128.store(out, c, 32);
  v128.store(out, d, 48);
  store<u32>(out, words, 64);
  store<u32>(out, escapes, 68);
}

/** Words and escapes are written downwards from their ends. Out: the states, where the words and the escapes begin. */
export function encode(model: i32, lanes: usize, planes: i32, rows: i32, columns: i32, wordsEnd: usize, escapesEnd: usize, out: usize): void {
  if (model == LEVEL) encodeAll(LEVEL, lanes, planes, rows, columns, wordsEnd, escapesEnd, out);
  else if (model == DIFFERENCE) encodeAll(DIFFERENCE, lanes, planes, rows, columns, wordsEnd, escapesEnd, out);
  else if (model == GRADED) encodeAll(GRADED, lanes, planes, rows, columns, wordsEnd, escapesEnd, out);
  else encodeAll(MEDIAN, lanes, planes, rows, columns, wordsEnd, escapesEnd, out);
}

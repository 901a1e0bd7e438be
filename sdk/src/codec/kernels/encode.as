// The encoder. It goes backwards, so that the decoder goes forwards. Two groups take turns, position by position.

import { ENCODER, ESCAPE_ENTRY, GATHER, LANES, LOWEST_STATE } from './memory';
import { PREPARED_BYTES, prepareRow } from './prepare';

// Four table entries of 4 bytes by indices of 2.
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

// Exact: the float quotient, below 2^19, is less than half off, so that its nearest whole number is the quotient or one more;
// the remainder says which. Adding 2^23 leaves that whole number in the float's lowest bits.
// @ts-ignore: decorator
@inline
function pushFour(state: v128, entry: v128): v128 {
  const frequency = v128.and(entry, i32x4.splat(0xffff));
  const whole = f32x4.add(f32x4.div(f32x4.convert_i32x4_s(state), f32x4.convert_i32x4_s(frequency)), f32x4.splat(8388608));
  const estimate = v128.xor(whole, i32x4.splat(0x4b000000));
  const rest = i32x4.sub(state, i32x4.mul(estimate, frequency));
  // Minus one where the rest is negative.
  const quotient = i32x4.add(estimate, i32x4.shr_s(rest, 31));
  const unused = i32x4.sub(i32x4.splat(4096), frequency);
  return i32x4.add(i32x4.add(state, i32x4.shr_u(entry, 16)), i32x4.mul(quotient, unused));
}

/**
 * Words and escapes are written downwards from their ends. Out: the states, where the words and the escapes begin.
 * `errors` and `prepared` are room for the rows that prepareRow makes.
 */
export function encode(model: i32, lanes: usize, classes: usize, errors: usize, prepared: usize, planes: i32, rows: i32, columns: i32, wordsEnd: usize, escapesEnd: usize, out: usize): void {
  const pairBytes = 2 * ((<usize>columns << 4) * rows);
  let a = i32x4.splat(LOWEST_STATE), b = a, c = a, d = a;
  let words = wordsEnd;
  let escapes = escapesEnd;
  for (let first = (planes - 1) & ~(2 * LANES - 1); first >= 0; first -= 2 * LANES) {
    const from = lanes + <usize>(first >> 5) * pairBytes;
    const groups = min(2, (planes - first + 15) >> 4);
    for (let row = rows - 1; row >= 0; row--) {
      prepareRow(model, from, classes + first, errors, planes - first, rows, row, columns, prepared);
      for (let at = prepared + <usize>(columns * groups) * PREPARED_BYTES; at > prepared; ) {
        at -= PREPARED_BYTES;
        const ea = encoderEntries(at), eb = encoderEntries(at + 8);
        const ec = encoderEntries(at + 16), ed = encoderEntries(at + 24);
        const escape = i32x4.splat(ESCAPE_ENTRY);
        // The highest entry of all: a maximum tells in few operations whether any lane has it.
        if (v128.any_true(i32x4.eq(i32x4.max_s(i32x4.max_s(ea, eb), i32x4.max_s(ec, ed)), escape))) {
          const found = i8x16.bitmask(i8x16.narrow_i16x8_s(
            i16x8.narrow_i32x4_s(i32x4.eq(ea, escape), i32x4.eq(eb, escape)),
            i16x8.narrow_i32x4_s(i32x4.eq(ec, escape), i32x4.eq(ed, escape)),
          ));
          for (let k = 15; k >= 0; k--) {
            if (!(found & (1 << k))) continue;
            escapes -= 1;
            store<u8>(escapes, load<u8>(at + (<usize>k << 1)));
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
  v128.store(out, a);
  v128.store(out, b, 16);
  v128.store(out, c, 32);
  v128.store(out, d, 48);
  store<u32>(out, words, 64);
  store<u32>(out, escapes, 68);
}

// The decoder. Two groups take turns, position by position: what a symbol's neighbours say about it is then known early.

import { cellsOf, energyAt, errorOf, errorRow, errorRowBytes, spikeSymbol } from './energy';
import { DECODER, DIFFERENCE, ENERGY, ENERGY_CELLS, ESCAPE_SLOT, GRADED, LANES, LEVEL, LOWEST_STATE, MEDIAN, RAISE, SCATTER, SCRATCH } from './memory';
import { contextOf, cornerOf, guessOf, idleLanes, leftOf, subtracts, topOf } from './neighbours';

// Four table entries of 4 bytes by indices of 2. By way of memory, which is cheaper than taking numbers out of vectors.
// @ts-ignore: decorator
@inline
function decoderEntries(indices: usize): v128 {
  const a = v128.load32_zero(<usize>load<u16>(indices) << 2, DECODER);
  const b = v128.load32_zero(<usize>load<u16>(indices, 2) << 2, DECODER);
  const c = v128.load32_zero(<usize>load<u16>(indices, 4) << 2, DECODER);
  const d = v128.load32_zero(<usize>load<u16>(indices, 6) << 2, DECODER);
  return i64x2.shuffle(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(c, d, 0, 4, 1, 5), 0, 2);
}

// In lanes without a plane, an entry of all 4096 slots: it leaves the state as it is.
// @ts-ignore: decorator
@inline
function idleEntries(entry: v128, slot: v128, idle: v128): v128 {
  return v128.bitselect(v128.or(i32x4.splat(0xfff00), i32x4.shl(slot, 20)), entry, idle);
}

// The same, by cells of energy: four times the cell, and four times the slot.
// @ts-ignore: decorator
@inline
function entryAt(cells: usize, slots: usize): v128 {
  return v128.load32_zero(load<u32>(<usize>load<u16>(cells), ENERGY_CELLS) + <u32>load<u16>(slots), DECODER);
}

// @ts-ignore: decorator
@inline
function cellEntries(cells: usize): v128 {
  const a = entryAt(cells, cells + 32), b = entryAt(cells + 2, cells + 34);
  const c = entryAt(cells + 4, cells + 36), d = entryAt(cells + 6, cells + 38);
  return i64x2.shuffle(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(c, d, 0, 4, 1, 5), 0, 2);
}

// @ts-ignore: decorator
@inline
function popFour(state: v128, entry: v128): v128 {
  const frequency = i32x4.add(v128.and(i32x4.shr_u(entry, 8), i32x4.splat(0xfff)), i32x4.splat(1));
  return i32x4.add(i32x4.mul(frequency, i32x4.shr_u(state, 12)), i32x4.shr_u(entry, 20));
}

// Lanes that are low move up by 16 bits, and a word comes in below.
// @ts-ignore: decorator
@inline
function refill(state: v128, mask: i32, words: usize): v128 {
  const word = i8x16.swizzle(v128.load64_zero(words), v128.load(<usize>mask << 4, SCATTER));
  return v128.or(i8x16.swizzle(state, v128.load(<usize>mask << 4, RAISE)), word);
}

// @ts-ignore: decorator
@inline
function decodeAll(model: i32, lanes: usize, classes: usize, errors: usize, planes: i32, rows: i32, columns: i32, wordsFirst: usize, wordsEnd: usize, escapesFirst: usize, escapesEnd: usize, states: usize): bool {
  const rowBytes = <usize>columns << 4;
  const lowest = i32x4.splat(LOWEST_STATE);
  const lastSlot = i32x4.splat(ESCAPE_SLOT);
  const byte = i32x4.splat(255);
  let a = v128.load(states), b = v128.load(states, 16), c = v128.load(states, 32), d = v128.load(states, 48);
  let words = wordsFirst;
  let escapes = escapesFirst;
  const groupBytes = rowBytes * rows;
  const groups = (planes + 15) >> 4;
  const ringBytes = 3 * errorRowBytes(columns);
  for (let pair = 0; pair < groups; pair += 2) {
    if (model == ENERGY) memory.fill(errors, 0, 2 * ringBytes);
    let here = lanes + <usize>pair * groupBytes;
    for (let row = 0; row < rows; row++) {
      const errorsHere = errorRow(errors, row, columns), above = errorRow(errors, row - 1, columns), above2 = errorRow(errors, row - 2, columns);
      for (let column = 0; column < columns; column++) {
        for (let group = pair; group < min(pair + 2, groups); group++) {
          const at = group == pair ? here : here + groupBytes;
          const used = min(LANES, planes - group * LANES);
          const top = topOf(at, row, column, rowBytes);
          const left = leftOf(at, column, top);
          const corner = model == LEVEL ? top : cornerOf(at, row, column, rowBytes, top);
          const guess = guessOf(model, left, top, corner);
          const sa = v128.and(a, lastSlot), sb = v128.and(b, lastSlot), sc = v128.and(c, lastSlot), sd = v128.and(d, lastSlot);
          const ring = (group == pair ? 0 : ringBytes) + (<usize>column << 4);
          let ea: v128, eb: v128, ec: v128, ed: v128;
          if (model == ENERGY) {
            const cells = cellsOf(energyAt(errorsHere, above, above2, ring), guess);
            const kinds = v128.load(classes + <usize>group * LANES);
            v128.store(SCRATCH, i16x8.shl(i8x16.shuffle(cells, kinds, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), 2));
            v128.store(SCRATCH, i16x8.shl(i8x16.shuffle(cells, kinds, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 2), 16);
            v128.store(SCRATCH, i16x8.shl(i16x8.narrow_i32x4_u(sa, sb), 2), 32);
            v128.store(SCRATCH, i16x8.shl(i16x8.narrow_i32x4_u(sc, sd), 2), 48);
            ea = cellEntries(SCRATCH);
            eb = cellEntries(SCRATCH + 8);
            ec = cellEntries(SCRATCH + 16);
            ed = cellEntries(SCRATCH + 24);
          } else {
            const context = contextOf(model, left, top, corner, guess);
            v128.store(SCRATCH, v128.or(i16x8.narrow_i32x4_u(sa, sb), i16x8.shl(i16x8.extend_low_i8x16_u(context), 12)));
            v128.store(SCRATCH, v128.or(i16x8.narrow_i32x4_u(sc, sd), i16x8.shl(i16x8.extend_high_i8x16_u(context), 12)), 16);
            ea = decoderEntries(SCRATCH);
            eb = decoderEntries(SCRATCH + 8);
            ec = decoderEntries(SCRATCH + 16);
            ed = decoderEntries(SCRATCH + 24);
          }
          if (used < LANES) {
            const idle = idleLanes(used);
            const low = i16x8.extend_low_i8x16_s(idle), high = i16x8.extend_high_i8x16_s(idle);
            ea = idleEntries(ea, sa, i32x4.extend_low_i16x8_s(low));
            eb = idleEntries(eb, sb, i32x4.extend_high_i16x8_s(low));
            ec = idleEntries(ec, sc, i32x4.extend_low_i16x8_s(high));
            ed = idleEntries(ed, sd, i32x4.extend_high_i16x8_s(high));
          }
          a = popFour(a, ea);
          b = popFour(b, eb);
          c = popFour(c, ec);
          d = popFour(d, ed);
          const ma = i32x4.bitmask(i32x4.lt_s(a, lowest)), mb = i32x4.bitmask(i32x4.lt_s(b, lowest));
          const mc = i32x4.bitmask(i32x4.lt_s(c, lowest)), md = i32x4.bitmask(i32x4.lt_s(d, lowest));
          const wordsB = words + (popcnt(ma) << 1);
          const wordsC = wordsB + (popcnt(mb) << 1);
          const wordsD = wordsC + (popcnt(mc) << 1);
          a = refill(a, ma, words);
          b = refill(b, mb, wordsB);
          c = refill(c, mc, wordsC);
          d = refill(d, md, wordsD);
          words = wordsD + (popcnt(md) << 1);
          // Before the next load, so that nothing beyond the guard behind the words is ever read.
          if (words > wordsEnd) return false;
          let symbol = i8x16.narrow_i16x8_u(
            i16x8.narrow_i32x4_u(v128.and(ea, byte), v128.and(eb, byte)),
            i16x8.narrow_i32x4_u(v128.and(ec, byte), v128.and(ed, byte)),
          );
          // The highest slot of all: a maximum tells in few operations whether any lane has it.
          if (v128.any_true(i32x4.eq(i32x4.max_s(i32x4.max_s(sa, sb), i32x4.max_s(sc, sd)), lastSlot))) {
            const found = i8x16.bitmask(i8x16.narrow_i16x8_s(
              i16x8.narrow_i32x4_s(i32x4.eq(sa, lastSlot), i32x4.eq(sb, lastSlot)),
              i16x8.narrow_i32x4_s(i32x4.eq(sc, lastSlot), i32x4.eq(sd, lastSlot)),
            ));
            v128.store(at, symbol);
            for (let k = 0; k < used; k++) {
              if (!(found & (1 << k))) continue;
              if (escapes >= escapesEnd) return false;
              store<u8>(at + k, load<u8>(escapes));
              escapes += 1;
            }
            symbol = v128.load(at);
          }
          if (model == ENERGY) {
            symbol = spikeSymbol(symbol, guess);
            v128.store(errorsHere + ring, errorOf(symbol, guess), 32);
          } else if (subtracts(model)) symbol = i8x16.add(symbol, guess);
          v128.store(at, symbol);
        }
        here += 16;
      }
    }
  }
  const wrong = v128.or(v128.or(v128.xor(a, lowest), v128.xor(b, lowest)), v128.or(v128.xor(c, lowest), v128.xor(d, lowest)));
  return words == wordsEnd && escapes == escapesEnd && !v128.any_true(wrong);
}

/**
 * False unless words, escapes and states end where they must. Reads at most 40 bytes behind the words. For `energy` there is a
 * class for each lane of each group, and room for the rows of errors.
 */
export function decode(model: i32, lanes: usize, classes: usize, errors: usize, planes: i32, rows: i32, columns: i32, wordsFirst: usize, wordsEnd: usize, escapesFirst: usize, escapesEnd: usize, states: usize): bool {
  if (model == LEVEL) return decodeAll(LEVEL, lanes, classes, errors, planes, rows, columns, wordsFirst, wordsEnd, escapesFirst, escapesEnd, states);
  if (model == DIFFERENCE) return decodeAll(DIFFERENCE, lanes, classes, errors, planes, rows, columns, wordsFirst, wordsEnd, escapesFirst, escapesEnd, states);
  if (model == GRADED) return decodeAll(GRADED, lanes, classes, errors, planes, rows, columns, wordsFirst, wordsEnd, escapesFirst, escapesEnd, states);
  if (model == MEDIAN) return decodeAll(MEDIAN, lanes, classes, errors, planes, rows, columns, wordsFirst, wordsEnd, escapesFirst, escapesEnd, states);
  return decodeAll(ENERGY, lanes, classes, errors, planes, rows, columns, wordsFirst, wordsEnd, escapesFirst, escapesEnd, states);
}

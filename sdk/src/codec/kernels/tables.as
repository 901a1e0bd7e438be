// Tables for coder and decoder, from frequencies.

import { DECODER, ENCODER, ESCAPE_ENTRY, FREQUENCIES, GATHER, IDLE_CONTEXT, RAISE, SCATTER } from './memory';

/** 256 entries of 4 bytes a context, zeros' as escapes; and the idle one's. */
export function buildEncoder(contexts: i32): void {
  for (let context = 0; context < contexts; context++) {
    let start: u32 = 0;
    for (let symbol = 0; symbol < 256; symbol++) {
      const index = <usize>((context << 8) | symbol);
      const frequency = <u32>load<u16>(FREQUENCIES + (index << 1));
      store<u32>(ENCODER + (index << 2), frequency ? frequency | (start << 16) : <u32>ESCAPE_ENTRY);
      start += frequency;
    }
  }
  // 4096 of 4096 slots: state / 4096 * 4096 + state % 4096.
  for (let symbol: usize = 0; symbol < 256; symbol++) store<u32>(ENCODER + ((<usize>IDLE_CONTEXT << 8 | symbol) << 2), 4096);
}

/** 4096 entries of 4 bytes a context: symbol, frequency - 1 (12 bits), place among the symbol's slots (12 bits). */
export function buildDecoder(contexts: i32): void {
  for (let context = 0; context < contexts; context++) {
    let at = DECODER + (<usize>context << 14);
    for (let symbol: u32 = 0; symbol < 256; symbol++) {
      const frequency = <u32>load<u16>(FREQUENCIES + (<usize>(<u32>context << 8 | symbol) << 1));
      const entry = symbol | ((frequency - 1) << 8);
      for (let place: u32 = 0; place < frequency; place++) {
        store<u32>(at, entry | (place << 20));
        at += 4;
      }
    }
    // The escape: symbol 0, frequency 1.
    store<u32>(at, 0);
  }
}

/**
 * For each set of four lanes: the words of those lanes moved to the high end, words spread to those lanes, and those lanes moved
 * up by a word.
 */
export function buildShuffles(): void {
  for (let mask = 0; mask < 16; mask++) {
    let next: u8 = 0;
    let place = 8 - 2 * popcnt(mask);
    v128.store(GATHER + (<usize>mask << 4), i8x16.splat(-1));
    v128.store(SCATTER + (<usize>mask << 4), i8x16.splat(-1));
    for (let lane = 0; lane < 4; lane++) {
      const isIn = mask & (1 << lane);
      for (let byte = 0; byte < 4; byte++) {
        const from = isIn ? (byte < 2 ? 255 : 4 * lane + byte - 2) : 4 * lane + byte;
        store<u8>(RAISE + (<usize>mask << 4) + 4 * lane + byte, <u8>from);
      }
      if (!isIn) continue;
      store<u8>(GATHER + (<usize>mask << 4) + place, <u8>(4 * lane));
      store<u8>(GATHER + (<usize>mask << 4) + place + 1, <u8>(4 * lane + 1));
      store<u8>(SCATTER + (<usize>mask << 4) + 4 * lane, next);
      store<u8>(SCATTER + (<usize>mask << 4) + 4 * lane + 1, next + 1);
      next += 2;
      place += 2;
    }
  }
}

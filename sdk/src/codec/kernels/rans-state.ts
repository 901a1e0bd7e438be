/** One lane of the coder. A state holds 15 to 31 bits; what it cannot hold leaves in words of 16 bits. */
import { cumulate, ESCAPE_SLOT, PROBABILITY_BITS, SLOTS, SYMBOLS } from '../entropy/frequencies.ts';

/** A state is never below; the decoder takes a word when it would be. It is also the encoder's first state. */
export const LOWEST_STATE: number = 1 << 15;
export const WORD_BITS = 16;

/** For one context, by symbol, and for slots the symbol to which each belongs. */
export interface StateTable {
  readonly frequencies: Uint16Array;
  readonly starts: Uint16Array;
  readonly symbolOfSlot: Uint8Array;
}

export function stateTable(frequencies: Uint16Array): StateTable {
  const starts = cumulate(frequencies);
  const symbolOfSlot = new Uint8Array(SLOTS);
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    const start = starts[symbol] ?? 0;
    symbolOfSlot.fill(symbol, start, start + (frequencies[symbol] ?? 0));
  }
  return { frequencies, starts, symbolOfSlot };
}

/** Whether a word must leave before a symbol of this frequency comes in. */
export function isFull(state: number, frequency: number): boolean {
  return state >= frequency * 2 ** (15 - PROBABILITY_BITS + WORD_BITS);
}

export function push(state: number, frequency: number, start: number): number {
  return Math.floor(state / frequency) * SLOTS + start + (state % frequency);
}

export function slotOf(state: number): number {
  return state & ESCAPE_SLOT;
}

/** The state before the symbol that owns the slot came in. */
export function pop(state: number, frequency: number, start: number): number {
  return frequency * (state >>> PROBABILITY_BITS) + slotOf(state) - start;
}

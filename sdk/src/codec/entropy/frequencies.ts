/**
 * Frequencies: how often each symbol is expected, as whole numbers of 4096 slots. The last slot is the escape: it stands
 * for every symbol of frequency 0, whose value then follows by itself. So each table can code each symbol, and no
 * frequency is above 4095.
 */
import { SplitError } from '../../errors.ts';

export const PROBABILITY_BITS = 12;
export const SLOTS: number = 1 << PROBABILITY_BITS;
export const ESCAPE_SLOT: number = SLOTS - 1;
export const SYMBOLS = 256;

/**
 * Below this share a symbol is better escaped: 8 bits more for each of the few, against a slot taken from all others,
 * which costs every symbol 1.44 / 4096 bits.
 */
const RARE = 1.44 / SLOTS / 8;

/** Frequencies near in proportion to the counts, that fill all slots but the escape's. Without counts, symbol 0 has all. */
export function normaliseCounts(counts: Uint32Array): Uint16Array {
  const frequencies = new Uint16Array(SYMBOLS);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) {
    frequencies[0] = ESCAPE_SLOT;
    return frequencies;
  }
  let rest = ESCAPE_SLOT;
  for (const [symbol, count] of counts.entries()) {
    if (count <= total * RARE) continue;
    const frequency = Math.max(1, Math.min(ESCAPE_SLOT, Math.round((count / total) * ESCAPE_SLOT)));
    frequencies[symbol] = frequency;
    rest -= frequency;
  }
  spread(frequencies, counts, rest);
  return frequencies;
}

/** Gives slots to, or takes them from, the symbols whose code length that changes to the best effect. */
function spread(frequencies: Uint16Array, counts: Uint32Array, rest: number): void {
  const step = Math.sign(rest);
  for (let left = Math.abs(rest); left > 0; left--) {
    let best = -1;
    let bestGain = Number.NEGATIVE_INFINITY;
    for (const [symbol, frequency] of frequencies.entries()) {
      if (frequency === 0 || frequency + step < 1) continue;
      const gain = (counts[symbol] ?? 0) * Math.log2((frequency + step) / frequency);
      if (gain > bestGain) [best, bestGain] = [symbol, gain];
    }
    frequencies[best] = (frequencies[best] ?? 0) + step;
  }
}

/** Bits that the counted symbols take with these frequencies; an escaped one takes its slot and 8 bits more. */
export function codedBits(counts: Uint32Array, frequencies: Uint16Array): number {
  let bits = 0;
  for (const [symbol, count] of counts.entries()) {
    const frequency = frequencies[symbol] ?? 0;
    if (count > 0)
      bits += count * (frequency > 0 ? PROBABILITY_BITS - Math.log2(frequency) : PROBABILITY_BITS + 8);
  }
  return bits;
}

/** Where each symbol's slots begin. */
export function cumulate(frequencies: Uint16Array): Uint16Array {
  const starts = new Uint16Array(SYMBOLS);
  let sum = 0;
  for (const [symbol, frequency] of frequencies.entries()) {
    starts[symbol] = sum;
    sum += frequency;
  }
  return starts;
}

/**
 * Runs of symbols in use and out of use, in turn, beginning with in use: for each its length as a byte (255 is followed
 * by more of the same run), and for a run in use then its frequencies, each in one byte below 128, else in two.
 * The last run that is in use ends at the symbol that completes the sum; nothing says where the table ends.
 */
export function writeFrequencies(frequencies: Uint16Array): number[] {
  const bytes: number[] = [];
  let rest = ESCAPE_SLOT;
  for (let symbol = 0; rest > 0; ) {
    const used = runLength(frequencies, symbol, (frequency) => frequency > 0);
    bytes.push(...(used < 255 ? [used] : [255, used - 255]));
    for (const frequency of frequencies.subarray(symbol, symbol + used)) {
      bytes.push(...(frequency < 128 ? [frequency] : [128 | (frequency >> 8), frequency & 255]));
      rest -= frequency;
    }
    symbol += used;
    if (rest <= 0) break;
    const unused = runLength(frequencies, symbol, (frequency) => frequency === 0);
    bytes.push(unused);
    symbol += unused;
  }
  return bytes;
}

function runLength(frequencies: Uint16Array, from: number, belongs: (frequency: number) => boolean): number {
  let to = from;
  while (to < SYMBOLS && belongs(frequencies[to] ?? 0)) to++;
  return to - from;
}

/** @throws SplitError `codec-invalid` unless the table fills its slots exactly */
export function readFrequencies(next: () => number): Uint16Array {
  const frequencies = new Uint16Array(SYMBOLS);
  let rest = ESCAPE_SLOT;
  for (let symbol = 0; rest > 0; ) {
    const first = next();
    const used = first < 255 ? first : 255 + next();
    if (symbol + used > SYMBOLS) throw invalid(`a run of ${used} symbols from ${symbol} on`);
    for (const end = symbol + used; symbol < end; symbol++) {
      const frequency = readFrequency(next);
      if (frequency < 1 || frequency > rest)
        throw invalid(`frequency ${frequency} where ${rest} slots are left`);
      frequencies[symbol] = frequency;
      rest -= frequency;
    }
    if (rest > 0) symbol += next();
    if (rest > 0 && symbol >= SYMBOLS) throw invalid(`${rest} slots are left to nobody`);
  }
  return frequencies;
}

function readFrequency(next: () => number): number {
  const byte = next();
  return byte < 128 ? byte : ((byte & 127) << 8) | next();
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', `rans: ${what}`);
}

/**
 * Which predictor makes the fewest bytes, or none: bits are estimated from a few thousand symbols, by how often each comes
 * beside what the coder will know of its neighbours or of the reference. One pass over the sample, none over the tensor.
 */
import { elementCount } from '../../tensor.ts';
import { usualLayout } from '../entropy/grid.ts';
import type { Predictor } from './predictor.ts';
import { createTally } from './tally.ts';

/** Symbols looked at, in stretches that are evenly spread. */
const SAMPLE = 8192;
const STRETCH = 64;
/** What a prediction must promise to be tried: its id and its time. */
const LEAST_GAIN = 0.12;
/** From here on the promise is believed. Below, a sample may be wrong by as much, and both ways are packed. */
const SURE_GAIN = 0.3;
/** By context is taken where it saves this much beyond by difference, as it takes longer. */
const LEAST_CONTEXT_GAIN = 0.03;

export interface Sequence {
  readonly symbols: Uint8Array;
  readonly reference: Uint8Array;
  readonly dims: readonly number[];
}

export interface Predictors {
  readonly difference: Predictor;
  readonly context?: Predictor | undefined;
}

export interface Choice {
  readonly predictor: Predictor;
  /** Whether the tensor need not be packed without it too, to compare. */
  readonly isSure: boolean;
}

/** `undefined`: none. */
export function choosePredictor(sequence: Sequence, { difference, context }: Predictors): Choice | undefined {
  if (sequence.symbols.length === 0) return undefined;
  const bits = estimate(sequence, difference.numberOf);
  const alone = Math.min(bits.level, bits.smooth);
  const isContext = context !== undefined && bits.context < bits.difference * (1 - LEAST_CONTEXT_GAIN);
  const predicted = isContext ? bits.context : bits.difference;
  if (predicted >= alone * (1 - LEAST_GAIN)) return undefined;
  return { predictor: isContext ? context : difference, isSure: predicted < alone * (1 - SURE_GAIN) };
}

/** Bits of the sample in four ways: `level` and `smooth` are the entropy coding's own models without a reference. */
function estimate({ symbols, reference, dims }: Sequence, numberOf: Uint8Array) {
  const level = createTally();
  const smooth = createTally();
  const difference = createTally();
  const context = createTally();
  const { left, top } = neighbourSteps(dims, symbols.length);
  const stride = Math.max(STRETCH, Math.floor(symbols.length / (SAMPLE / STRETCH)));
  const at = (array: Uint8Array, place: number) => (place < 0 ? 0 : (array[place] as number));
  const classOf = levelClasses(reference);
  const number = (place: number) => numberOf[(at(reference, place) << 8) | at(symbols, place)] as number;
  for (let start = 0; start < symbols.length; start += stride) {
    const end = Math.min(start + STRETCH, symbols.length);
    for (let place = start; place < end; place++) {
      const symbol = at(symbols, place);
      const [a, b, was] = [at(symbols, place - left), at(symbols, place - top), at(reference, place)];
      const mean = (a + b + 1) >> 1;
      level.add(classOf[mean] as number, symbol);
      smooth.add(sizeClass(Math.abs(a - b)), (symbol - mean) & 255);
      const own = number(place);
      difference.add(sizeClass((number(place - left) + number(place - top) + 1) >> 1), own);
      context.add((classOf[was] as number) >> 1, own);
    }
  }
  const bits = (tally: typeof level) => tally.bits();
  return {
    level: bits(level),
    smooth: bits(smooth),
    difference: bits(difference),
    context: bits(context),
  };
}

/** Sixteen classes of symbols, each of about as many in the reference. */
function levelClasses(reference: Uint8Array): Uint8Array {
  const counts = new Uint32Array(256);
  const step = Math.max(1, Math.floor(reference.length / SAMPLE)) | 1;
  let total = 0;
  for (let place = 0; place < reference.length; place += step, total++) {
    const symbol = reference[place] as number;
    counts[symbol] = (counts[symbol] as number) + 1;
  }
  const classOf = new Uint8Array(256);
  let before = 0;
  for (const [symbol, count] of counts.entries()) {
    classOf[symbol] = Math.min(15, Math.floor((16 * (before + count / 2)) / total));
    before += count;
  }
  return classOf;
}

/** From a symbol back to its neighbours. Across the edge of a row they are others: few enough for an estimate. */
function neighbourSteps(dims: readonly number[], symbolCount: number) {
  // Formats of more than 8 bits have several bytes an element.
  const bytes = symbolCount / elementCount(dims);
  const [rows, channels] = [dims.at(-2) ?? 1, dims.at(-1) ?? 1];
  return usualLayout(dims) === 'planar'
    ? { left: bytes, top: bytes * channels }
    : { left: bytes * channels, top: bytes * channels * rows };
}

/** Eight classes, finer where differences are small. */
function sizeClass(size: number): number {
  return size < 3 ? size : Math.min(7, 33 - Math.clz32(size));
}

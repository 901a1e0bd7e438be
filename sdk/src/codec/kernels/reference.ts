/** The kernels in plain TypeScript: says what the others must do, and serves where WebAssembly or its SIMD is missing. */
import type { CoderTables } from '../entropy/coder-tables.ts';
import { energyAt, errorOf, guessErrors } from '../entropy/errors.ts';
import { ESCAPE_SLOT, SYMBOLS } from '../entropy/frequencies.ts';
import type { Grid } from '../entropy/grid.ts';
import { LANES, planePlaces } from '../entropy/grid.ts';
import type { Contexts, Place } from '../entropy/neighbours.ts';
import { contextOf, neighboursOf, predictionOf, tableCount } from '../entropy/neighbours.ts';
import { spikeCode, spikeSymbol } from '../entropy/spike.ts';
import type { CodedSymbols, Kernels, QuantisedSymbols, Range, SymbolScale } from './kernels.ts';
import { isFull, LOWEST_STATE, pop, push, slotOf, stateTable, WORD_BITS } from './rans-state.ts';

export function referenceKernels(): Kernels {
  return { name: 'reference', range, quantise, dequantise, quantiseFitted, count, encode, decode };
}

function range(values: Float32Array): Range | undefined {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
    // A NaN passes both comparisons; here it sticks, and so does an infinity.
    sum += value - value;
  }
  // Adding 0 makes one of the two zeros, which comparisons do not tell apart.
  return values.length === 0 || sum !== 0 ? undefined : { min: min + 0, max: max + 0 };
}

function quantise(values: Float32Array, { scale, zeroPoint }: SymbolScale, maxSymbol: number): Uint8Array {
  // A clamped array rounds to nearest, ties to even, and clips to 0..255 by itself.
  const symbols = new Uint8ClampedArray(values.length);
  const inverse = 1 / scale;
  for (let i = 0; i < values.length; i++) {
    symbols[i] = Math.min((values[i] as number) * inverse + zeroPoint, maxSymbol);
  }
  return new Uint8Array(symbols.buffer);
}

function quantiseFitted(
  values: Float32Array,
  scaleFor: (range: Range) => SymbolScale | undefined,
  maxSymbol: number,
): QuantisedSymbols | undefined {
  const found = range(values);
  const scale = found && scaleFor(found);
  return scale && { scale, symbols: quantise(values, scale, maxSymbol) };
}

function dequantise(symbols: Uint8Array, { scale, zeroPoint }: SymbolScale): Float32Array {
  const table = Float32Array.from({ length: SYMBOLS }, (_, symbol) => (symbol - zeroPoint) * scale);
  const values = new Float32Array(symbols.length);
  for (let i = 0; i < symbols.length; i++) values[i] = table[symbols[i] as number] as number;
  return values;
}

function count(symbols: Uint8Array, grid: Grid, contexts: Contexts): Uint32Array {
  const counts = new Uint32Array(tableCount(contexts) * SYMBOLS);
  const errors = contexts.model === 'energy' ? guessErrors(symbols, grid) : undefined;
  for (let index = 0; index < symbols.length; index++) {
    const { plane, position } = stepAt(index, grid);
    const { context, guess } = foretell({ grid, plane, position }, { symbols, errors, contexts });
    const symbol = symbols[placeOf(grid, plane, position)] as number;
    const counter = context * SYMBOLS + codeOf(symbol, guess, contexts);
    counts[counter] = (counts[counter] as number) + 1;
  }
  return counts;
}

function encode(symbols: Uint8Array, grid: Grid, { contexts, frequencies }: CoderTables): CodedSymbols {
  const tables = frequencies.map(stateTable);
  const errors = contexts.model === 'energy' ? guessErrors(symbols, grid) : undefined;
  const states = new Uint32Array(LANES).fill(LOWEST_STATE);
  const words: number[] = [];
  const escapes: number[] = [];
  // Backwards, so that the decoder goes forwards.
  for (let index = symbols.length - 1; index >= 0; index--) {
    const { plane, position, lane } = stepAt(index, grid);
    const { context, guess } = foretell({ grid, plane, position }, { symbols, errors, contexts });
    const symbol = codeOf(symbols[placeOf(grid, plane, position)] as number, guess, contexts);
    const known = tables[context]?.frequencies[symbol] ?? 0;
    if (known === 0) escapes.push(symbol);
    const frequency = known === 0 ? 1 : known;
    const start = known === 0 ? ESCAPE_SLOT : (tables[context]?.starts[symbol] ?? 0);
    let state = states[lane] as number;
    if (isFull(state, frequency)) {
      words.push(state & 0xffff);
      state >>>= WORD_BITS;
    }
    states[lane] = push(state, frequency, start);
  }
  return { states, words: wordBytes(words.reverse()), escapes: Uint8Array.from(escapes.reverse()) };
}

function wordBytes(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * words.length);
  for (const [index, word] of words.entries()) bytes.set([word & 255, word >> 8], 2 * index);
  return bytes;
}

function decode(
  coded: CodedSymbols,
  grid: Grid,
  { contexts, frequencies }: CoderTables,
): Uint8Array | undefined {
  const tables = frequencies.map(stateTable);
  const states = coded.states.slice();
  const symbols = new Uint8Array(grid.planes * grid.rows * grid.columns);
  const errors = contexts.model === 'energy' ? new Uint8Array(symbols.length) : undefined;
  let [word, escapeAt] = [0, 0];
  for (let index = 0; index < symbols.length; index++) {
    const { plane, position, lane } = stepAt(index, grid);
    const { context, guess } = foretell({ grid, plane, position }, { symbols, errors, contexts });
    const table = tables[context] as (typeof tables)[number];
    let state = states[lane] as number;
    const slot = slotOf(state);
    const isEscape = slot === ESCAPE_SLOT;
    const known = table.symbolOfSlot[slot] as number;
    const symbol = isEscape ? (coded.escapes[escapeAt++] ?? 0) : known;
    const [frequency, start] = isEscape
      ? [1, ESCAPE_SLOT]
      : [table.frequencies[known] as number, table.starts[known] as number];
    state = pop(state, frequency, start);
    if (state < LOWEST_STATE) {
      if (word + 2 > coded.words.length) return undefined;
      state =
        state * 2 ** WORD_BITS + (coded.words[word] as number) + 256 * (coded.words[word + 1] as number);
      word += 2;
    }
    states[lane] = state;
    const at = placeOf(grid, plane, position);
    symbols[at] = symbolOf(symbol, guess, contexts);
    if (errors !== undefined) errors[at] = errorOf(symbols[at] as number, guess);
  }
  const isSpent = word === coded.words.length && escapeAt === coded.escapes.length;
  return isSpent && states.every((state) => state === LOWEST_STATE) ? symbols : undefined;
}

/** Which table codes the symbol at a place, and what it is coded against. */
function foretell(
  place: Place,
  {
    symbols,
    errors,
    contexts,
  }: {
    readonly symbols: Uint8Array;
    readonly errors: Uint8Array | undefined;
    readonly contexts: Contexts;
  },
): { readonly context: number; readonly guess: number } {
  const neighbours = neighboursOf(symbols, place);
  const energy = errors === undefined ? 0 : energyAt(errors, place);
  const context = contextOf(neighbours, contexts, { plane: place.plane, energy });
  return { context, guess: predictionOf(neighbours, contexts.model) };
}

function codeOf(symbol: number, guess: number, { model }: Contexts): number {
  return model === 'energy' ? spikeCode(symbol, guess) : (symbol - guess) & 255;
}

function symbolOf(code: number, guess: number, { model }: Contexts): number {
  return model === 'energy' ? spikeSymbol(code, guess) : (code + guess) & 255;
}

interface CodingStep {
  readonly plane: number;
  readonly position: number;
  readonly lane: number;
}

/** Pairs of groups of planes; positions within them; the groups of a pair in turn; lanes within these. */
function stepAt(index: number, { planes, rows, columns }: Grid): CodingStep {
  const first = Math.floor(index / (2 * LANES * rows * columns)) * 2 * LANES;
  const used = Math.min(2 * LANES, planes - first);
  const rest = index - first * rows * columns;
  const within = rest % used;
  return { plane: first + within, position: Math.floor(rest / used), lane: within % LANES };
}

function placeOf(grid: Grid, plane: number, position: number): number {
  const { first, step } = planePlaces(grid, plane);
  return first + position * step;
}

/** The kernels in WebAssembly: kernels.as, in one memory that grows to the largest tensor and is used again. */

import { SplitError } from '../../errors.ts';
import type { CoderTables } from '../entropy/coder-tables.ts';
import { SYMBOLS } from '../entropy/frequencies.ts';
import type { Grid } from '../entropy/grid.ts';
import { groupCount, LANES } from '../entropy/grid.ts';
import type { Contexts } from '../entropy/neighbours.ts';
import { MAX_CONTEXTS } from '../entropy/neighbours.ts';
import { KERNELS_BASE64 } from './generated.ts';
import type { CodedSymbols, Kernels, Range, SymbolScale } from './kernels.ts';
import { referenceKernels } from './reference.ts';

/** What kernels.as exports. Its pointers are byte offsets into `memory`. */
interface KernelExports {
  readonly memory: WebAssembly.Memory;
  range(values: number, count: number, out: number): void;
  quantise(values: number, count: number, symbols: number, inverse: number, zero: number, max: number): void;
  dequantise(symbols: number, count: number, values: number, scale: number, zeroPoint: number): void;
  toLanes(symbols: number, lanes: number, ...rest: number[]): void;
  fromLanes(lanes: number, symbols: number, ...rest: number[]): void;
  count(isDifference: number, lanes: number, ...rest: number[]): void;
  buildEncoder(contexts: number): void;
  buildDecoder(contexts: number): void;
  buildShuffles(): void;
  encode(isDifference: number, lanes: number, ...rest: number[]): void;
  decode(isDifference: number, lanes: number, ...rest: number[]): number;
}

// Fixed places, as in kernels.as, which has more between them; a tensor's own data begin at DATA.
const IDLE_MASKS = 1536;
const THRESHOLDS = 1600;
const OUT = 2304;
const FREQUENCIES = 4096;
const COUNTS = 8192;
const DATA = 196_608;

const PAGE_BYTES = 65_536;
/** Vectors are read and written whole: this much may be touched behind any array. */
const GUARD_BYTES = 128;
const STATE_BYTES = 4 * LANES;

/** The fastest kernels that this platform has: in WebAssembly, else in TypeScript. */
export async function loadKernels(): Promise<Kernels> {
  try {
    const bytes = Uint8Array.from(atob(KERNELS_BASE64), (character) => character.charCodeAt(0));
    const { instance } = await WebAssembly.instantiate(bytes, { env: { abort } });
    return wasmKernels(instance.exports as unknown as KernelExports);
  } catch {
    // No WebAssembly, or none with SIMD: the reference does the same, only slower.
    return referenceKernels();
  }
}

function abort(): never {
  throw new Error('the kernels stopped');
}

function wasmKernels(wasm: KernelExports): Kernels {
  wasm.memory.grow(Math.max(0, DATA / PAGE_BYTES - wasm.memory.buffer.byteLength / PAGE_BYTES));
  wasm.buildShuffles();
  bytesAt(wasm, IDLE_MASKS + LANES, LANES).fill(255);
  return {
    name: 'wasm',
    range: (values) => range(wasm, values),
    quantise: (values, scale, maxSymbol) => quantise(wasm, values, scale, maxSymbol),
    dequantise: (symbols, scale) => dequantise(wasm, symbols, scale),
    count: (symbols, grid, contexts) => count(wasm, symbols, grid, contexts),
    encode: (symbols, grid, tables) => encode(wasm, symbols, grid, tables),
    decode: (coded, grid, tables) => decode(wasm, coded, grid, tables),
  };
}

function range(wasm: KernelExports, values: Float32Array): Range | undefined {
  const [at] = reserve(wasm, [values.byteLength]);
  floatsAt(wasm, at, values.length).set(values);
  wasm.range(at, values.length, OUT);
  const [min = 0, max = 0, rest = 0] = floatsAt(wasm, OUT, 3);
  // Adding 0 makes one of the two zeros, which comparisons do not tell apart.
  return values.length === 0 || rest !== 0 ? undefined : { min: min + 0, max: max + 0 };
}

function quantise(
  wasm: KernelExports,
  values: Float32Array,
  { scale, zeroPoint }: SymbolScale,
  maxSymbol: number,
): Uint8Array {
  const [at, symbols] = reserve(wasm, [values.byteLength, values.length]);
  floatsAt(wasm, at, values.length).set(values);
  wasm.quantise(at, values.length, symbols, 1 / scale, zeroPoint, maxSymbol);
  return bytesAt(wasm, symbols, values.length).slice();
}

function dequantise(
  wasm: KernelExports,
  symbols: Uint8Array,
  { scale, zeroPoint }: SymbolScale,
): Float32Array {
  const [at, values] = reserve(wasm, [symbols.length, 4 * symbols.length]);
  bytesAt(wasm, at, symbols.length).set(symbols);
  wasm.dequantise(at, symbols.length, values, scale, zeroPoint);
  return floatsAt(wasm, values, symbols.length).slice();
}

function count(wasm: KernelExports, symbols: Uint8Array, grid: Grid, contexts: Contexts): Uint32Array {
  const [lanes] = placeLanes(wasm, symbols, grid, 0);
  placeThresholds(wasm, contexts);
  const { planes, rows, columns } = grid;
  const isDifference = Number(contexts.model === 'difference');
  wasm.count(isDifference, lanes, planes, rows, columns);
  const length = (contexts.thresholds.length + 1) * SYMBOLS;
  return new Uint32Array(wasm.memory.buffer, COUNTS, length).slice();
}

function encode(wasm: KernelExports, symbols: Uint8Array, grid: Grid, tables: CoderTables): CodedSymbols {
  const { planes, rows, columns } = grid;
  // One word a symbol at most, and one escape.
  const [lanes, coded] = placeLanes(wasm, symbols, grid, 3 * symbols.length + 2 * GUARD_BYTES);
  const wordsEnd = coded + GUARD_BYTES + 2 * symbols.length;
  const escapesEnd = wordsEnd + GUARD_BYTES + symbols.length;
  placeThresholds(wasm, tables.contexts);
  placeFrequencies(wasm, tables);
  wasm.buildEncoder(tables.frequencies.length);
  const isDifference = Number(tables.contexts.model === 'difference');
  wasm.encode(isDifference, lanes, planes, rows, columns, wordsEnd, escapesEnd, OUT);
  const [words = wordsEnd, escapes = escapesEnd] = new Uint32Array(wasm.memory.buffer, OUT + STATE_BYTES, 2);
  return {
    states: new Uint32Array(wasm.memory.buffer, OUT, LANES).slice(),
    words: bytesAt(wasm, words, wordsEnd - words).slice(),
    escapes: bytesAt(wasm, escapes, escapesEnd - escapes).slice(),
  };
}

function decode(
  wasm: KernelExports,
  { states, words, escapes }: CodedSymbols,
  grid: Grid,
  tables: CoderTables,
): Uint8Array | undefined {
  const { planes, rows, columns } = grid;
  const positions = rows * columns;
  const laneBytes = groupCount(grid) * positions * LANES;
  const sizes = [laneBytes, planes * positions, words.length, escapes.length] as const;
  const [lanes, symbols, wordsAt, escapesAt] = reserve(wasm, sizes);
  bytesAt(wasm, wordsAt, words.length).set(words);
  bytesAt(wasm, escapesAt, escapes.length).set(escapes);
  new Uint32Array(wasm.memory.buffer, OUT, LANES).set(states);
  placeThresholds(wasm, tables.contexts);
  placeFrequencies(wasm, tables);
  wasm.buildDecoder(tables.frequencies.length);
  const isDifference = Number(tables.contexts.model === 'difference');
  const ends = [wordsAt, wordsAt + words.length, escapesAt, escapesAt + escapes.length];
  if (wasm.decode(isDifference, lanes, planes, rows, columns, ...ends, OUT) === 0) return undefined;
  wasm.fromLanes(lanes, symbols, planes, positions, Number(grid.layout === 'interleaved'));
  return bytesAt(wasm, symbols, planes * positions).slice();
}

/** The symbols in lanes, and `extraBytes` for the caller. */
function placeLanes(
  wasm: KernelExports,
  symbols: Uint8Array,
  grid: Grid,
  extraBytes: number,
): [lanes: number, extra: number] {
  const positions = grid.rows * grid.columns;
  const sizes = [symbols.length, groupCount(grid) * positions * LANES, extraBytes] as const;
  const [at, lanes, extra] = reserve(wasm, sizes);
  bytesAt(wasm, at, symbols.length).set(symbols);
  wasm.toLanes(at, lanes, grid.planes, positions, Number(grid.layout === 'interleaved'));
  return [lanes, extra];
}

/** Sixteen times each, less one and with the sign bit turned, as a signed comparison wants them; 127 is never exceeded. */
function placeThresholds(wasm: KernelExports, { thresholds }: Contexts): void {
  const vectors = bytesAt(wasm, THRESHOLDS, (MAX_CONTEXTS - 1) * LANES).fill(127);
  for (const [index, threshold] of thresholds.entries()) {
    vectors.fill((threshold - 1) ^ 128, index * LANES, (index + 1) * LANES);
  }
}

function placeFrequencies(wasm: KernelExports, { frequencies }: CoderTables): void {
  for (const [context, table] of frequencies.entries()) {
    new Uint16Array(wasm.memory.buffer, FREQUENCIES + context * 2 * SYMBOLS, SYMBOLS).set(table);
  }
}

/** Places for arrays of the given sizes in bytes, one behind the other; what they held before is lost. */
function reserve<const T extends readonly number[]>(
  wasm: KernelExports,
  sizes: T,
): { [K in keyof T]: number } {
  let end = DATA;
  const places = sizes.map((bytes) => {
    const place = end;
    end = Math.ceil((end + bytes + GUARD_BYTES) / LANES) * LANES;
    return place;
  });
  const missing = end - wasm.memory.buffer.byteLength;
  if (missing > 0) grow(wasm, missing);
  return places as { [K in keyof T]: number };
}

function grow({ memory }: KernelExports, bytes: number): void {
  try {
    memory.grow(Math.ceil(bytes / PAGE_BYTES));
  } catch (cause) {
    throw new SplitError('codec-invalid', `no memory for ${memory.buffer.byteLength + bytes} bytes`, {
      cause,
    });
  }
}

// Growing detaches every view of the memory, so views are made where they are used and never kept.
function bytesAt(wasm: KernelExports, at: number, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(wasm.memory.buffer as ArrayBuffer, at, length);
}

function floatsAt(wasm: KernelExports, at: number, length: number): Float32Array<ArrayBuffer> {
  return new Float32Array(wasm.memory.buffer as ArrayBuffer, at, length);
}

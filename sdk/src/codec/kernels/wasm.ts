/** The kernels in WebAssembly: kernels.as, in one memory that grows to the largest tensor and is used again. */

import type { CoderTables } from '../entropy/coder-tables.ts';
import { SYMBOLS } from '../entropy/frequencies.ts';
import type { Grid } from '../entropy/grid.ts';
import { groupCount, LANES } from '../entropy/grid.ts';
import type { Contexts } from '../entropy/neighbours.ts';
import { CONTEXT_MODELS, tableCount } from '../entropy/neighbours.ts';
import { KERNELS_BASE64 } from './generated.ts';
import type { CodedSymbols, Kernels, QuantisedSymbols, Range, SymbolScale } from './kernels.ts';
import { referenceKernels } from './reference.ts';
import type { KernelExports } from './wasm-memory.ts';
import {
  bytesAt,
  COUNTS,
  DATA,
  floatsAt,
  GUARD_BYTES,
  IDLE_MASKS,
  OUT,
  PAGE_BYTES,
  reserve,
} from './wasm-memory.ts';
import { placeClasses, placeContexts, placeFrequencies } from './wasm-tables.ts';

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

/** Tables that lie built in memory: a stream of frames by the same calibrated tables builds them once. */
interface BuiltTables {
  encoder?: CoderTables;
  decoder?: CoderTables | undefined;
}

function wasmKernels(wasm: KernelExports): Kernels {
  const built: BuiltTables = {};
  wasm.memory.grow(Math.max(0, DATA / PAGE_BYTES - wasm.memory.buffer.byteLength / PAGE_BYTES));
  wasm.buildShuffles();
  bytesAt(wasm, IDLE_MASKS + LANES, LANES).fill(255);
  return {
    name: 'wasm',
    range: (values) => range(wasm, values),
    quantiseFitted: (values, scaleFor, maxSymbol) => quantiseFitted(wasm, values, scaleFor, maxSymbol),
    quantise: (values, scale, maxSymbol) => quantise(wasm, values, scale, maxSymbol),
    dequantise: (symbols, scale) => dequantise(wasm, symbols, scale),
    count: (symbols, grid, contexts) => {
      // Counts lie where the decoder's tables do.
      built.decoder = undefined;
      return count(wasm, symbols, grid, contexts);
    },
    encode: (symbols, grid, tables) => {
      if (built.encoder !== tables) {
        placeFrequencies(wasm, tables);
        wasm.buildEncoder(tables.frequencies.length);
        built.encoder = tables;
      }
      return encode(wasm, symbols, grid, tables);
    },
    decode: (coded, grid, tables) => {
      if (built.decoder !== tables) {
        placeFrequencies(wasm, tables);
        wasm.buildDecoder(tables.frequencies.length);
        built.decoder = tables;
      }
      return decode(wasm, coded, grid, tables);
    },
  };
}

function range(wasm: KernelExports, values: Float32Array): Range | undefined {
  const [at] = reserve(wasm, [values.byteLength]);
  floatsAt(wasm, at, values.length).set(values);
  return rangeAt(wasm, at, values.length);
}

function rangeAt(wasm: KernelExports, at: number, count: number): Range | undefined {
  wasm.range(at, count, OUT);
  const [min = 0, max = 0, rest = 0] = floatsAt(wasm, OUT, 3);
  // Adding 0 makes one of the two zeros, which comparisons do not tell apart.
  return count === 0 || rest !== 0 ? undefined : { min: min + 0, max: max + 0 };
}

function quantiseFitted(
  wasm: KernelExports,
  values: Float32Array,
  scaleFor: (range: Range) => SymbolScale | undefined,
  maxSymbol: number,
): QuantisedSymbols | undefined {
  const [at, symbols] = reserve(wasm, [values.byteLength, values.length]);
  floatsAt(wasm, at, values.length).set(values);
  const found = rangeAt(wasm, at, values.length);
  const scale = found && scaleFor(found);
  if (scale === undefined) return undefined;
  wasm.quantise(at, values.length, symbols, 1 / scale.scale, scale.zeroPoint, maxSymbol);
  return { scale, symbols: bytesAt(wasm, symbols, values.length).slice() };
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
  const [lanes, rooms] = placeLanes(wasm, symbols, grid, preparingBytes(grid));
  placeContexts(wasm, contexts);
  wasm.count(CONTEXT_MODELS.indexOf(contexts.model), lanes, ...preparing(wasm, rooms, contexts, grid));
  return new Uint32Array(wasm.memory.buffer, COUNTS, tableCount(contexts) * SYMBOLS).slice();
}

function encode(wasm: KernelExports, symbols: Uint8Array, grid: Grid, tables: CoderTables): CodedSymbols {
  // One word a symbol at most, and one escape.
  const codedBytes = 3 * symbols.length + 2 * GUARD_BYTES;
  const [lanes, rooms] = placeLanes(wasm, symbols, grid, preparingBytes(grid) + codedBytes);
  const wordsEnd = rooms + preparingBytes(grid) + GUARD_BYTES + 2 * symbols.length;
  const escapesEnd = wordsEnd + GUARD_BYTES + symbols.length;
  placeContexts(wasm, tables.contexts);
  const model = CONTEXT_MODELS.indexOf(tables.contexts.model);
  wasm.encode(model, lanes, ...preparing(wasm, rooms, tables.contexts, grid), wordsEnd, escapesEnd, OUT);
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
  const sizes = [laneBytes, planes * positions, words.length, escapes.length, classBytes(grid)] as const;
  const [lanes, symbols, wordsAt, escapesAt, classes, errors] = reserve(wasm, [...sizes, errorBytes(grid)]);
  bytesAt(wasm, wordsAt, words.length).set(words);
  bytesAt(wasm, escapesAt, escapes.length).set(escapes);
  new Uint32Array(wasm.memory.buffer, OUT, LANES).set(states);
  placeContexts(wasm, tables.contexts);
  const model = CONTEXT_MODELS.indexOf(tables.contexts.model);
  const ends = [wordsAt, wordsAt + words.length, escapesAt, escapesAt + escapes.length];
  placeClasses(wasm, classes, tables.contexts, grid);
  if (wasm.decode(model, lanes, classes, errors, planes, rows, columns, ...ends, OUT) === 0) return undefined;
  wasm.fromLanes(lanes, symbols, planes, positions, Number(grid.layout === 'interleaved'));
  return bytesAt(wasm, symbols, planes * positions).slice();
}

function classBytes(grid: Grid): number {
  return LANES * groupCount(grid);
}

/** Three rows of each group of a pair, with three places more than there are columns. */
function errorBytes({ columns }: Grid): number {
  return 6 * LANES * (columns + 3);
}

/** Room for what prepare.as makes: classes, errors, one row of a pair's codes. */
function preparingBytes(grid: Grid): number {
  return classBytes(grid) + errorBytes(grid) + 4 * LANES * grid.columns;
}

/** That room's three parts, and the grid, as the kernels take them. */
function preparing(wasm: KernelExports, at: number, contexts: Contexts, grid: Grid): number[] {
  placeClasses(wasm, at, contexts, grid);
  const errors = at + classBytes(grid);
  return [at, errors, errors + errorBytes(grid), grid.planes, grid.rows, grid.columns];
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

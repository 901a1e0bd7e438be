/**
 * The hot loops as a port: reference.ts in plain TypeScript, wasm.ts in WebAssembly with SIMD. Both give the same bytes.
 * Tables may be kept in a form of their own for the next call, known by identity: they must not be changed in place.
 * Nothing here is checked twice: callers see to it that lengths fit the grid and that tables fill their slots.
 */
import type { CoderTables } from '../entropy/coder-tables.ts';
import type { Grid } from '../entropy/grid.ts';
import type { Contexts } from '../entropy/neighbours.ts';

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** `value = (symbol - zeroPoint) * scale` */
export interface SymbolScale {
  readonly scale: number;
  readonly zeroPoint: number;
}

export interface QuantisedSymbols {
  readonly scale: SymbolScale;
  readonly symbols: Uint8Array;
}

/** What the coder makes of a tensor's symbols. */
export interface CodedSymbols {
  /** Of the sixteen lanes, where the decoder starts: 32 bits each. */
  readonly states: Uint32Array;
  /** 16 bits each, little-endian, in the order in which the decoder takes them. */
  readonly words: Uint8Array;
  /** Values of the escaped symbols, in the decoder's order. */
  readonly escapes: Uint8Array;
}

export interface Kernels {
  readonly name: string;
  /** Least and greatest value; `undefined` for none at all, and where one is infinite or not a number. */
  range(values: Float32Array): Range | undefined;
  /** The nearest symbols, ties to even, in 0 to `maxSymbol`. Computed in float64: `value / scale` is `value * (1 / scale)`. */
  quantise(values: Float32Array, scale: SymbolScale, maxSymbol: number): Uint8Array;
  dequantise(symbols: Uint8Array, scale: SymbolScale): Float32Array;
  /** `range`, `scaleFor` and `quantise` in one go, which copies the values once. `undefined` without a range or a scale. */
  quantiseFitted(
    values: Float32Array,
    scaleFor: (range: Range) => SymbolScale | undefined,
    maxSymbol: number,
  ): QuantisedSymbols | undefined;
  /** How often each symbol is coded in each context: 256 counts a context, one context after the other. */
  count(symbols: Uint8Array, grid: Grid, contexts: Contexts): Uint32Array;
  encode(symbols: Uint8Array, grid: Grid, tables: CoderTables): CodedSymbols;
  /** `undefined` when the parts are not what `encode` makes: words or escapes too many or too few, or a wrong end state. */
  decode(coded: CodedSymbols, grid: Grid, tables: CoderTables): Uint8Array | undefined;
}

/** Tables for given symbols: where the thresholds lie, which model codes best, how often each symbol comes. */
import type { Kernels } from '../kernels/kernels.ts';
import type { CoderTables } from './coder-tables.ts';
import { writeTables } from './coder-tables.ts';
import { codedBits, normaliseCounts, SYMBOLS } from './frequencies.ts';
import type { Grid } from './grid.ts';
import type { ContextModel, Contexts } from './neighbours.ts';
import { CONTEXT_MODELS, contextValue, MAX_CONTEXTS, neighboursOf } from './neighbours.ts';

/** A tensor's symbols in the layout that is asked for. */
export interface GridSymbols {
  readonly symbols: Uint8Array;
  readonly grid: Grid;
}

/** Neighbours looked at to place the thresholds, over all tensors. */
const SAMPLES = 8192;
/** Below this many symbols a context, its table costs more than it saves. */
const SYMBOLS_A_CONTEXT = 256;

const NO_CONTEXTS: Contexts = { model: 'level', thresholds: new Uint8Array(0) };

export interface FitOptions {
  readonly kernels: Kernels;
  /** Most tables to make. With 1 the neighbours are not looked at. @default 8 */
  readonly maxContexts?: number;
}

/** All of one layout. The model that takes fewer bytes, its tables included. */
export function fitTables(
  tensors: readonly GridSymbols[],
  { kernels, maxContexts = MAX_CONTEXTS }: FitOptions,
): CoderTables {
  const total = tensors.reduce((sum, { symbols }) => sum + symbols.length, 0);
  const limit = Math.max(1, Math.min(maxContexts, Math.floor(total / SYMBOLS_A_CONTEXT)));
  const models = limit === 1 ? [] : CONTEXT_MODELS;
  const candidates = [NO_CONTEXTS, ...models.map((model) => fitContexts(tensors, model, limit))];
  const fitted = (limit === 1 ? candidates : candidates.slice(1)).map((contexts) =>
    fitFrequencies(tensors, contexts, kernels),
  );
  return fitted.reduce((best, other) => (other.bits < best.bits ? other : best)).tables;
}

function fitFrequencies(
  tensors: readonly GridSymbols[],
  contexts: Contexts,
  kernels: Kernels,
): { readonly tables: CoderTables; readonly bits: number } {
  const counts = new Uint32Array((contexts.thresholds.length + 1) * SYMBOLS);
  for (const { symbols, grid } of tensors) {
    for (const [index, count] of kernels.count(symbols, grid, contexts).entries()) {
      counts[index] = (counts[index] ?? 0) + count;
    }
  }
  const parts = Array.from({ length: contexts.thresholds.length + 1 }, (_, context) =>
    counts.subarray(context * SYMBOLS, (context + 1) * SYMBOLS),
  );
  const frequencies = parts.map(normaliseCounts);
  const tables = { layout: tensors[0]?.grid.layout ?? 'planar', contexts, frequencies };
  const empty = new Uint16Array(SYMBOLS);
  const bits = parts.reduce((sum, part, context) => sum + codedBits(part, frequencies[context] ?? empty), 0);
  return { tables, bits: bits + 8 * writeTables(tables).length };
}

/** Thresholds that part a sample of the neighbours into contexts of about the same number. */
function fitContexts(tensors: readonly GridSymbols[], model: ContextModel, limit: number): Contexts {
  const histogram = new Uint32Array(SYMBOLS);
  for (const tensor of tensors) sampleNeighbours(tensor, model, SAMPLES / tensors.length, histogram);
  return { model, thresholds: Uint8Array.from(quantiles(histogram, limit)) };
}

function sampleNeighbours(
  { symbols, grid }: GridSymbols,
  model: ContextModel,
  samples: number,
  histogram: Uint32Array,
): void {
  const positions = grid.rows * grid.columns;
  // Odd, and so seldom a multiple of a plane's or a row's length.
  const step = Math.max(1, Math.floor(symbols.length / samples)) | 1;
  for (let index = 0; index < symbols.length; index += step) {
    const place = { grid, plane: Math.floor(index / positions), position: index % positions };
    const value = contextValue(neighboursOf(symbols, place), model);
    histogram[value] = (histogram[value] ?? 0) + 1;
  }
}

/** Values at which a new part begins. One value that is more than a part has one for itself; the rest is parted anew. */
function quantiles(histogram: Uint32Array, parts: number): number[] {
  const thresholds: number[] = [];
  let rest = histogram.reduce((sum, count) => sum + count, 0);
  let value = 0;
  for (let left = parts; left > 1 && rest > 0; left--) {
    const goal = rest / left;
    let taken = 0;
    while (value < SYMBOLS && (taken === 0 || taken + (histogram[value] ?? 0) / 2 < goal)) {
      taken += histogram[value++] ?? 0;
    }
    rest -= taken;
    if (value < SYMBOLS && rest > 0) thresholds.push(value);
  }
  return thresholds;
}

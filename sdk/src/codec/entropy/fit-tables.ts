/** Tables for given symbols: where the thresholds lie, which model codes best, how often each symbol comes. */
import type { Kernels } from '../kernels/kernels.ts';
import type { EnergyMap } from './cells.ts';
import { classCount, everyCell, MAX_CELLS, MAX_ENERGY_ROWS, MAX_ROWS, ROW_CELLS } from './cells.ts';
import { channelClasses } from './channel-classes.ts';
import { clusterCells } from './cluster-cells.ts';
import type { CoderTables } from './coder-tables.ts';
import { writeTables } from './coder-tables.ts';
import { codedBits, normaliseCounts, SYMBOLS } from './frequencies.ts';
import type { Grid } from './grid.ts';
import type { CellContexts, ContextModel, Contexts, ThresholdContexts } from './neighbours.ts';
import { contextValues, MAX_CONTEXTS, MAX_TABLES, neighboursOf, tableCount } from './neighbours.ts';

/** A tensor's symbols in the layout that is asked for. */
export interface GridSymbols {
  readonly symbols: Uint8Array;
  readonly grid: Grid;
  /** Of one batch item. @default 1, which means that nothing is known of them */
  readonly channels?: number;
}

/** Neighbours looked at to place the thresholds, over all tensors. */
const SAMPLES = 8192;
/** Below this many symbols a context, its table costs more than it saves. */
const SYMBOLS_A_CONTEXT = 256;

const THRESHOLD_MODELS = ['level', 'difference'] as const;
const CELL_MODELS = ['graded', 'median'] as const;
const NO_CONTEXTS: Contexts = { model: 'level', thresholds: new Uint8Array(0) };

export interface FitOptions {
  readonly kernels: Kernels;
  /** Most tables to make. With 1 the neighbours are not looked at. @default 8 */
  readonly maxContexts?: number;
  /** The tables will be sent once: they may be more, take longer to make, and their own bytes do not count. */
  readonly isCalibration?: boolean;
}

/** All of one layout. The model that takes fewer bytes, its tables included where they are sent with each tensor. */
export function fitTables(tensors: readonly GridSymbols[], options: FitOptions): CoderTables {
  const { kernels, maxContexts = MAX_CONTEXTS, isCalibration = false } = options;
  const total = tensors.reduce((sum, { symbols }) => sum + symbols.length, 0);
  const most = Math.max(1, Math.min(maxContexts, Math.floor(total / SYMBOLS_A_CONTEXT)));
  const fitted = candidates(tensors, { kernels, most, isCalibration }).map((contexts) =>
    fitFrequencies(tensors, contexts, options),
  );
  return fitted.reduce((best, other) => (other.bits < best.bits ? other : best)).tables;
}

function candidates(
  tensors: readonly GridSymbols[],
  { kernels, most, isCalibration }: { kernels: Kernels; most: number; isCalibration: boolean },
): Contexts[] {
  if (most === 1) return [NO_CONTEXTS];
  const simple = THRESHOLD_MODELS.map((model) => fitThresholds(tensors, model, most));
  // Cells need what twice as many tables need to learn from.
  if (!isCalibration || most < MAX_CONTEXTS) return simple;
  const celled = CELL_MODELS.map((model) => fitCells(tensors, model, kernels));
  return [...simple, ...celled, fitEnergy(tensors, kernels)];
}

function fitFrequencies(
  tensors: readonly GridSymbols[],
  contexts: Contexts,
  { kernels, isCalibration = false }: FitOptions,
): { readonly tables: CoderTables; readonly bits: number } {
  const counts = countAll(tensors, contexts, kernels);
  const parts = Array.from({ length: tableCount(contexts) }, (_, context) =>
    counts.subarray(context * SYMBOLS, (context + 1) * SYMBOLS),
  );
  const frequencies = parts.map(normaliseCounts);
  const tables = { layout: tensors[0]?.grid.layout ?? 'planar', contexts, frequencies };
  const empty = new Uint16Array(SYMBOLS);
  const bits = parts.reduce((sum, part, context) => sum + codedBits(part, frequencies[context] ?? empty), 0);
  return { tables, bits: bits + (isCalibration ? 0 : 8 * writeTables(tables).length) };
}

function countAll(tensors: readonly GridSymbols[], contexts: Contexts, kernels: Kernels): Uint32Array {
  const counts = new Uint32Array(tableCount(contexts) * SYMBOLS);
  for (const { symbols, grid } of tensors) {
    const more = kernels.count(symbols, grid, contexts);
    for (let index = 0; index < counts.length; index++)
      counts[index] = (counts[index] as number) + (more[index] as number);
  }
  return counts;
}

/** Thresholds that part a sample of the neighbours into contexts of about the same number. */
function fitThresholds(
  tensors: readonly GridSymbols[],
  model: ThresholdContexts['model'],
  limit: number,
): Contexts {
  return { model, thresholds: Uint8Array.from(quantiles(histogramOf(tensors, model, 0), limit)) };
}

/** Rows of about the same number, and cells that share the tables. */
function fitCells(tensors: readonly GridSymbols[], model: CellContexts['model'], kernels: Kernels): Contexts {
  const steps = Uint8Array.from(quantiles(histogramOf(tensors, model, 1), MAX_ROWS));
  const counts = countAll(tensors, { model, cells: everyCell(steps) }, kernels);
  return { model, cells: { steps, tables: clusterCells(counts, MAX_TABLES) } };
}

/** Rows by the guess, and classes of channels. */
function fitEnergy(tensors: readonly GridSymbols[], kernels: Kernels): Contexts {
  const steps = Uint8Array.from(quantiles(histogramOf(tensors, 'median', 1), MAX_ENERGY_ROWS));
  const classes = channelClasses(tensors);
  const counts = countEnergyCells(tensors, { steps, classes }, kernels);
  return { model: 'energy', energy: { steps, classes, tables: clusterCells(counts, MAX_TABLES) } };
}

/** There are more cells than can be counted at once: some by themselves, the rest in one, again and again. */
function countEnergyCells(
  tensors: readonly GridSymbols[],
  map: Pick<EnergyMap, 'steps' | 'classes'>,
  kernels: Kernels,
): Uint32Array {
  const cells = ROW_CELLS * (map.steps.length + 1) * classCount(map);
  const counts = new Uint32Array(cells * SYMBOLS);
  for (let from = 0; from < cells; from += MAX_CELLS) {
    const tables = Uint8Array.from({ length: cells }, (_, cell) =>
      cell >= from && cell < from + MAX_CELLS ? cell - from : MAX_CELLS,
    );
    const some = countAll(tensors, { model: 'energy', energy: { ...map, tables } }, kernels);
    counts.set(some.subarray(0, Math.min(MAX_CELLS, cells - from) * SYMBOLS), from * SYMBOLS);
  }
  return counts;
}

/** Of the first or the second of the values that contexts look at. */
function histogramOf(tensors: readonly GridSymbols[], model: ContextModel, which: 0 | 1): Uint32Array {
  const histogram = new Uint32Array(SYMBOLS);
  for (const tensor of tensors) {
    sampleNeighbours(tensor, { model, which, samples: SAMPLES / tensors.length }, histogram);
  }
  return histogram;
}

function sampleNeighbours(
  { symbols, grid }: GridSymbols,
  {
    model,
    which,
    samples,
  }: { readonly model: ContextModel; readonly which: 0 | 1; readonly samples: number },
  histogram: Uint32Array,
): void {
  const positions = grid.rows * grid.columns;
  // Odd, and so seldom a multiple of a plane's or a row's length.
  const step = Math.max(1, Math.floor(symbols.length / samples)) | 1;
  for (let index = 0; index < symbols.length; index += step) {
    const place = { grid, plane: Math.floor(index / positions), position: index % positions };
    const value = contextValues(neighboursOf(symbols, place), model)[which];
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

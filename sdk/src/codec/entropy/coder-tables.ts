/** All that coder and decoder must agree on before the first symbol: layout, contexts, and a table for each of them. */
import { SplitError } from '../../errors.ts';
import { MAX_ROWS, ROW_CELLS } from './cells.ts';
import { readFrequencies, writeFrequencies } from './frequencies.ts';
import type { Layout } from './grid.ts';
import type { Contexts } from './neighbours.ts';
import { MAX_CONTEXTS, MAX_TABLES, tableCount } from './neighbours.ts';

export interface CoderTables {
  readonly layout: Layout;
  readonly contexts: Contexts;
  /** One a context: 256 frequencies, by symbol, which fill 4095 slots. */
  readonly frequencies: readonly Uint16Array[];
}

const INTERLEAVED = 1;
/** What is coded is a distance from a guess. */
const DISTANCE = 2;
const CELLS = 4;
const KNOWN_FLAGS: number = INTERLEAVED | DISTANCE | CELLS;

/**
 * Flags, number of tables; then thresholds, or for a model with cells: number of steps, steps, the table of each cell; then
 * the frequencies of each table.
 */
export function writeTables({ layout, contexts, frequencies }: CoderTables): Uint8Array {
  const { model } = contexts;
  const flags =
    (layout === 'interleaved' ? INTERLEAVED : 0) |
    (model === 'difference' || model === 'median' ? DISTANCE : 0) |
    ('cells' in contexts ? CELLS : 0);
  const bytes = [flags, frequencies.length];
  if ('cells' in contexts) {
    const { steps, tables } = contexts.cells;
    bytes.push(steps.length, ...steps, ...tables);
  } else bytes.push(...contexts.thresholds);
  for (const table of frequencies) bytes.push(...writeFrequencies(table));
  return Uint8Array.from(bytes);
}

/** Also says how many bytes the tables took. @throws SplitError `codec-invalid` */
export function readTables(bytes: Uint8Array): { readonly tables: CoderTables; readonly length: number } {
  let length = 0;
  const next = () => {
    const byte = bytes[length++];
    if (byte === undefined) throw invalid(`the tables go on after ${bytes.length} bytes`);
    return byte;
  };
  const flags = next();
  if ((flags & ~KNOWN_FLAGS) !== 0) throw invalid(`flags ${flags}`);
  const count = next();
  const isDistance = (flags & DISTANCE) !== 0;
  const contexts =
    (flags & CELLS) === 0 ? readThresholds(next, count, isDistance) : readCells(next, count, isDistance);
  const layout: Layout = (flags & INTERLEAVED) === 0 ? 'planar' : 'interleaved';
  const frequencies = Array.from({ length: count }, () => readFrequencies(next));
  return { tables: { layout, contexts, frequencies }, length };
}

function readThresholds(next: () => number, count: number, isDistance: boolean): Contexts {
  if (count < 1 || count > MAX_CONTEXTS) throw invalid(`${count} contexts, not 1 to ${MAX_CONTEXTS}`);
  return { model: isDistance ? 'difference' : 'level', thresholds: readAscending(next, count - 1) };
}

function readCells(next: () => number, count: number, isDistance: boolean): Contexts {
  if (count < 1 || count > MAX_TABLES) throw invalid(`${count} tables, not 1 to ${MAX_TABLES}`);
  const stepCount = next();
  if (stepCount >= MAX_ROWS) throw invalid(`${stepCount + 1} rows, not 1 to ${MAX_ROWS}`);
  const steps = readAscending(next, stepCount);
  const tables = Uint8Array.from({ length: ROW_CELLS * (stepCount + 1) }, next);
  const contexts: Contexts = { model: isDistance ? 'median' : 'graded', cells: { steps, tables } };
  if (tableCount(contexts) !== count) throw invalid(`cells for ${tableCount(contexts)} tables, not ${count}`);
  return contexts;
}

function readAscending(next: () => number, count: number): Uint8Array {
  const values = Uint8Array.from({ length: count }, next);
  if (values.every((value, index) => value > (values[index - 1] ?? 0))) return values;
  throw invalid(`thresholds ${values.join(', ')} do not ascend from above 0`);
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', `rans: ${what}`);
}

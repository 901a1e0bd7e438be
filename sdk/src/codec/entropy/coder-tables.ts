/** All that coder and decoder must agree on before the first symbol: layout, contexts, and a table for each of them. */
import { SplitError } from '../../errors.ts';
import { classCount, MAX_CLASSES, MAX_ENERGY_ROWS, MAX_ROWS, ROW_CELLS } from './cells.ts';
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

/** Whose classes are told apart; a tensor of more has them all in one. */
export const MAX_CHANNELS = 4096;

const INTERLEAVED = 1;
/** What is coded is a distance from a guess. */
const DISTANCE = 2;
const CELLS = 4;
/** By the errors round about; the only flag but INTERLEAVED then. */
const ENERGY = 8;
const KNOWN_FLAGS: number = INTERLEAVED | DISTANCE | CELLS | ENERGY;

/**
 * Flags, number of tables; then thresholds, or for a model with cells: number of steps, steps, the table of each cell; for
 * `energy` number of steps, steps, number of channels (2 bytes), four classes a byte, the table of each cell; then the
 * frequencies of each table.
 */
export function writeTables({ layout, contexts, frequencies }: CoderTables): Uint8Array {
  const { model } = contexts;
  const flags =
    (layout === 'interleaved' ? INTERLEAVED : 0) |
    (model === 'difference' || model === 'median' ? DISTANCE : 0) |
    ('cells' in contexts ? CELLS : 0) |
    (model === 'energy' ? ENERGY : 0);
  const bytes = [flags, frequencies.length];
  if ('cells' in contexts) {
    const { steps, tables } = contexts.cells;
    bytes.push(steps.length, ...steps, ...tables);
  } else if ('energy' in contexts) {
    const { steps, classes, tables } = contexts.energy;
    const channels = [classes.length & 255, classes.length >> 8];
    bytes.push(steps.length, ...steps, ...channels, ...packClasses(classes), ...tables);
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
  const contexts = readContexts(flags, next, count);
  const layout: Layout = (flags & INTERLEAVED) === 0 ? 'planar' : 'interleaved';
  const frequencies = Array.from({ length: count }, () => readFrequencies(next));
  return { tables: { layout, contexts, frequencies }, length };
}

function readContexts(flags: number, next: () => number, count: number): Contexts {
  const isDistance = (flags & DISTANCE) !== 0;
  if ((flags & ENERGY) !== 0) {
    if ((flags & ~INTERLEAVED) !== ENERGY) throw invalid(`flags ${flags}`);
    return readEnergy(next, count);
  }
  return (flags & CELLS) === 0 ? readThresholds(next, count, isDistance) : readCells(next, count, isDistance);
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

function readEnergy(next: () => number, count: number): Contexts {
  if (count < 1 || count > MAX_TABLES) throw invalid(`${count} tables, not 1 to ${MAX_TABLES}`);
  const stepCount = next();
  if (stepCount >= MAX_ENERGY_ROWS) throw invalid(`${stepCount + 1} rows, not 1 to ${MAX_ENERGY_ROWS}`);
  const steps = readAscending(next, stepCount);
  const classes = readClasses(next);
  const cells = ROW_CELLS * (stepCount + 1) * classCount({ classes });
  const contexts: Contexts = {
    model: 'energy',
    energy: { steps, classes, tables: Uint8Array.from({ length: cells }, next) },
  };
  if (tableCount(contexts) !== count) throw invalid(`cells for ${tableCount(contexts)} tables, not ${count}`);
  return contexts;
}

function packClasses(classes: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(classes.length / 4));
  for (const [channel, kind] of classes.entries())
    bytes[channel >> 2] = (bytes[channel >> 2] as number) | (kind << (2 * (channel & 3)));
  return bytes;
}

function readClasses(next: () => number): Uint8Array {
  const channels = next() + 256 * next();
  if (channels < 1 || channels > MAX_CHANNELS)
    throw invalid(`${channels} channels, not 1 to ${MAX_CHANNELS}`);
  const classes = new Uint8Array(channels);
  for (let channel = 0, byte = 0; channel < channels; channel++) {
    if (channel % 4 === 0) byte = next();
    classes[channel] = (byte >> (2 * (channel & 3))) & (MAX_CLASSES - 1);
  }
  return classes;
}

function readAscending(next: () => number, count: number): Uint8Array {
  const values = Uint8Array.from({ length: count }, next);
  if (values.every((value, index) => value > (values[index - 1] ?? 0))) return values;
  throw invalid(`thresholds ${values.join(', ')} do not ascend from above 0`);
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', `rans: ${what}`);
}

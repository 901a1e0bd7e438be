/** All that coder and decoder must agree on before the first symbol: layout, contexts, and a table for each of them. */
import { SplitError } from '../../errors.ts';
import { readFrequencies, writeFrequencies } from './frequencies.ts';
import type { Layout } from './grid.ts';
import type { ContextModel, Contexts } from './neighbours.ts';
import { MAX_CONTEXTS } from './neighbours.ts';

export interface CoderTables {
  readonly layout: Layout;
  readonly contexts: Contexts;
  /** One a context: 256 frequencies, by symbol, which fill 4095 slots. */
  readonly frequencies: readonly Uint16Array[];
}

const INTERLEAVED = 1;
const DIFFERENCE = 2;
const KNOWN_FLAGS: number = INTERLEAVED | DIFFERENCE;

/** Flags, number of contexts, thresholds, then the frequencies of each context. */
export function writeTables({ layout, contexts, frequencies }: CoderTables): Uint8Array {
  const flags =
    (layout === 'interleaved' ? INTERLEAVED : 0) | (contexts.model === 'difference' ? DIFFERENCE : 0);
  const bytes = [flags, frequencies.length, ...contexts.thresholds];
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
  if (count < 1 || count > MAX_CONTEXTS) throw invalid(`${count} contexts, not 1 to ${MAX_CONTEXTS}`);
  const thresholds = Uint8Array.from({ length: count - 1 }, next);
  const isAscending = thresholds.every((threshold, index) => threshold > (thresholds[index - 1] ?? 0));
  if (!isAscending) throw invalid(`thresholds ${thresholds.join(', ')} do not ascend from above 0`);
  const model: ContextModel = (flags & DIFFERENCE) === 0 ? 'level' : 'difference';
  const layout: Layout = (flags & INTERLEAVED) === 0 ? 'planar' : 'interleaved';
  const frequencies = Array.from({ length: count }, () => readFrequencies(next));
  return { tables: { layout, contexts: { model, thresholds }, frequencies }, length };
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', `rans: ${what}`);
}

/** Coder tables beside a model, in the plan or the calibration that its owner put there: frames of sessions name them. */
import { readFile, stat } from 'node:fs/promises';
import { asSplitError, readCalibration, readPlan, SplitError } from '@cutpoint/sdk';
import { type CalibratedTables, type TablesById, tablesOf } from '@cutpoint/sdk/gateway';
import type { Log } from '../log.ts';
import type { ModelFolder } from './folder.ts';

/** Of a plan with thousands of arms. */
const MAX_FILE_BYTES = 64 * 2 ** 20;

const READERS = { 'plan.json': readPlan, 'calibration.json': readCalibration } as const;

/** Those of both files. A file that cannot be used is named in the log: without tables every frame brings its own. */
export async function readModelTables(
  { name, tablePaths }: Pick<ModelFolder, 'name' | 'tablePaths'>,
  digest: string,
  log: Log,
): Promise<TablesById> {
  const found = new Map<number, CalibratedTables>();
  for (const [kind, path] of Object.entries(tablePaths) as [keyof typeof READERS, string][]) {
    try {
      for (const [id, tables] of await readTables(kind, path, digest)) found.set(id, tables);
    } catch (error) {
      const { code, message } = asSplitError(error);
      log.warn({ model: name, path, code }, `coder tables are left out: ${message}`);
    }
  }
  return found;
}

async function readTables(kind: keyof typeof READERS, path: string, digest: string): Promise<TablesById> {
  const text = await readIfThere(path);
  if (text === undefined) return new Map();
  const file = READERS[kind](parseJson(text));
  if (file.modelDigest === digest) return tablesOf(file);
  const [theirs, ours] = [file.modelDigest, digest].map((digits) => digits.slice(0, 12));
  throw new SplitError('model-mismatch', `the file is of model ${theirs}, this is ${ours}`);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size <= MAX_FILE_BYTES) return await readFile(path, 'utf8');
    throw new SplitError('options-invalid', `${size} bytes; at most ${MAX_FILE_BYTES} are read`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw asSplitError(error, 'options-invalid');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SplitError('options-invalid', 'it is not JSON', { cause });
  }
}

/** One look-up over all models. Numbers that two models use for different tables are left out: nobody could say which. */
export function joinTables(models: Iterable<TablesById>): TablesById {
  const joined = new Map<number, CalibratedTables>();
  const ambiguous = new Set<number>();
  for (const [id, tables] of [...models].flatMap((one) => [...one])) {
    const other = joined.get(id);
    if (other && !Buffer.from(other.bytes).equals(tables.bytes)) ambiguous.add(id);
    joined.set(id, tables);
  }
  for (const id of ambiguous) joined.delete(id);
  return joined;
}

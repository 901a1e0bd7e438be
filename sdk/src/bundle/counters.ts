/** Anti-rollback: the highest counter of each model that was ever taken, in a file that survives restarts. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { SplitError } from '../errors.ts';

export interface BundleCounters {
  /** 0 for a model that was never taken. */
  get(model: string): number;
  /**
   * Remembers a counter that was taken; a lower one than is known changes nothing. On disk when it resolves.
   * @throws SplitError `storage-failed`
   */
  raise(model: string, counter: number): Promise<void>;
}

const schema = z.record(z.string(), z.int().min(0));

/**
 * @param path the file; one that is not there yet is no counters
 * @throws SplitError `bundle-invalid` for a file that cannot be read: forgetting counters would let old bundles in
 */
export async function openCounters(path: string): Promise<BundleCounters> {
  const counters = new Map(Object.entries(await readCounters(path)));
  let writing: Promise<void> = Promise.resolve();
  let isWritten = true;

  async function write(): Promise<void> {
    isWritten = false;
    try {
      await replaceFile();
    } catch (cause) {
      throw new SplitError('storage-failed', `the counters of bundles cannot be written: ${String(cause)}`, {
        cause,
      });
    }
    isWritten = true;
  }

  async function replaceFile(): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    const temporary = `${path}.${process.pid}.new`;
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(`${JSON.stringify(Object.fromEntries(counters), null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  }

  return {
    get: (model) => counters.get(model) ?? 0,
    raise(model, counter) {
      const known = counters.get(model) ?? 0;
      if (counter <= known && isWritten) return writing;
      counters.set(model, Math.max(counter, known));
      // One after the other, whether the one before succeeded or not.
      writing = writing.catch(() => {}).then(write);
      return writing;
    },
  };
}

async function readCounters(path: string): Promise<Readonly<Record<string, number>>> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new SplitError('bundle-invalid', `the counters in ${path} cannot be read`, { cause });
  }
}

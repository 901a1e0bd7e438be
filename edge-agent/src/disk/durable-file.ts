/** Files that are replaced as a whole: after a power cut they hold the old bytes or the new ones, never a mixture. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import { describeIssues } from '@cutpoint/sdk/program';
import type { z } from 'zod';
import type { Disk } from './disk.ts';
import { storageError } from './node-disk.ts';

/** Written beside it, synced, renamed over it, and the folder synced. @throws SplitError `storage-failed` */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const beside = `${path}.tmp`;
  try {
    const file = await disk.open(beside, 'new');
    try {
      await file.append(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(beside, path);
    await disk.syncFolder(dirname(path));
  } catch (error) {
    // What it leaves on a full disk would keep it full.
    await disk.remove(beside).catch(() => undefined);
    throw error;
  }
}

export async function replaceJson(disk: Disk, path: string, value: unknown): Promise<void> {
  await replaceFile(disk, path, Buffer.from(`${JSON.stringify(value, null, 2)}\n`));
}

/** The file's bytes, `undefined` where there is none. @throws SplitError `storage-failed` where it cannot be read */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ENOENT') return undefined;
    throw storageError(path, cause);
  }
}

/** @throws SplitError `storage-failed` for what is not JSON of this form: somebody else wrote it, or the disk is bad */
export async function readJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  const bytes = await readIfThere(path);
  if (bytes === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new SplitError('storage-failed', `${path} is not JSON`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new SplitError('storage-failed', `${path}: ${describeIssues(parsed.error)}`);
}

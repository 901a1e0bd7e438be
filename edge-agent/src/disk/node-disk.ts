/** The Disk on Node's files. */
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import type { Disk, DiskFile } from './disk.ts';

/** What the system says, and what it means to the person who reads it. */
const MEANINGS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EIO: 'the disk does not work',
};
/** File systems without hard links say one of these. */
const NO_LINKS = ['EPERM', 'ENOSYS', 'EXDEV', 'EOPNOTSUPP', 'ENOTSUP', 'EMLINK'];

/** Every call throws SplitError `storage-failed` with the path and what is wrong with it. */
export function nodeDisk(): Disk {
  return {
    open: (path, mode) => told(path, async () => fileOf(path, await open(path, mode === 'new' ? 'w' : 'a'))),
    rename: (from, to) => told(to, () => rename(from, to)),
    link: (from, to) => told(to, () => linkOrCopy(from, to)),
    remove: (path) => told(path, () => rm(path, { recursive: true, force: true })),
    makeFolder: (path) => told(path, () => makeFolder(path)),
    syncFolder: (path) => told(path, () => syncFolder(path)),
  };
}

/** An error of the file system as one of ours. */
export function storageError(path: string, cause: unknown): SplitError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  return new SplitError('storage-failed', `${path}: ${MEANINGS[code] ?? code}`, { cause });
}

async function told<T>(path: string, work: () => Promise<T>): Promise<T extends string ? void : T> {
  try {
    return (await work()) as never;
  } catch (cause) {
    throw storageError(path, cause);
  }
}

function fileOf(path: string, handle: Awaited<ReturnType<typeof open>>): DiskFile {
  return {
    append: (bytes) => told(path, () => writeAll(handle, bytes)),
    sync: () => told(path, () => handle.datasync()),
    close: () => told(path, () => handle.close()),
  };
}

/** A full disk writes a part and says so only when asked again. */
async function writeAll(handle: Awaited<ReturnType<typeof open>>, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, null);
    at += bytesWritten;
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.includes((error as { code?: string }).code ?? '')) throw error;
    await copyFile(from, to);
    const handle = await open(to, 'r+');
    await handle.sync().finally(() => handle.close());
  }
}

/** On a read-only disk Node says that the folder above is not there: its first missing one is tried by itself to hear why. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error;
    let missing = path;
    while (!existsSync(dirname(missing)) && dirname(missing) !== missing) missing = dirname(missing);
    await mkdir(missing);
    await mkdir(path, { recursive: true });
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}

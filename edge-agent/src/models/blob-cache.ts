/**
 * Files by their digest: fetched once, resumed where the link or the power was lost, and kept within a bound of bytes.
 * `<sha256>` is whole and verified, `<sha256>.part` is on its way.
 */
import { createHash } from 'node:crypto';
import { open, readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import type { BundlePart } from '@cutpoint/sdk/bundle';
import type { Disk } from '../disk/disk.ts';
import type { BundleSource } from './bundle-source.ts';
import type { RateLimit } from './rate-limit.ts';

export interface FetchOptions {
  readonly source: BundleSource;
  readonly limit: RateLimit;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
}

export interface BlobCache {
  /** Path of the part's bytes, verified; fetched where they are not there yet. @throws SplitError */
  fetch(part: BundlePart, options: FetchOptions): Promise<string>;
  /** How many bytes of the part are here already. */
  have(part: BundlePart): Promise<number>;
  /** Removes the oldest that nobody needs until all together have at most so many bytes. */
  prune(maxBytes: number, needed: ReadonlySet<string>): Promise<void>;
  /** Bytes that can still be written to its disk. */
  freeBytes(): Promise<number>;
}

/** So much may be lost of a fetch when power is cut. */
const SYNC_BYTES = 1 << 20;

export function createBlobCache(disk: Disk, folder: string): BlobCache {
  const pathOf = ({ sha256 }: BundlePart) => join(folder, sha256);

  async function fetch(part: BundlePart, options: FetchOptions): Promise<string> {
    const path = pathOf(part);
    if ((await sizeOf(path)) === part.bytes && (await digestOf(path)) === part.sha256) return path;
    await disk.makeFolder(folder);
    const partial = `${path}.part`;
    const wasResumed = (await sizeOf(partial)) > 0;
    const digest = await fetchInto(partial, part, options);
    if (digest !== part.sha256) {
      await disk.remove(partial);
      // What was written last before a power cut may be anything.
      if (wasResumed) return fetch(part, options);
      throw new SplitError('bundle-invalid', `${part.path} has another digest than the manifest says`);
    }
    await disk.rename(partial, path);
    await disk.syncFolder(folder);
    return path;
  }

  /** @returns the digest of all that is in the file then */
  async function fetchInto(partial: string, part: BundlePart, o: FetchOptions): Promise<string> {
    let bytes = await sizeOf(partial);
    if (bytes > part.bytes) {
      await disk.remove(partial);
      bytes = 0;
    }
    const hash = createHash('sha256');
    if (bytes > 0) await hashFile(partial, hash);
    const file = await disk.open(partial, 'append');
    try {
      let unsynced = 0;
      if (bytes < part.bytes) {
        for await (const piece of o.source.read(part.path, bytes, o.signal)) {
          bytes += piece.length;
          if (bytes > part.bytes)
            throw new SplitError('bundle-invalid', `${part.path} has more than ${part.bytes} bytes`);
          await file.append(piece);
          hash.update(piece);
          o.onProgress(piece.length);
          unsynced += piece.length;
          if (unsynced >= SYNC_BYTES) {
            await file.sync();
            unsynced = 0;
          }
          await o.limit.spend(piece.length, o.signal);
        }
      }
      await file.sync();
    } finally {
      await file.close();
    }
    if (bytes === part.bytes) return hash.digest('hex');
    throw new SplitError('broker-unreachable', `${part.path} ended after ${bytes} of ${part.bytes} bytes`);
  }

  async function have(part: BundlePart): Promise<number> {
    return (await sizeOf(pathOf(part))) || (await sizeOf(`${pathOf(part)}.part`));
  }

  async function prune(maxBytes: number, needed: ReadonlySet<string>): Promise<void> {
    const names = await readdir(folder).catch(() => []);
    const files = await Promise.all(
      names.map(async (name) => ({ name, ...(await stat(join(folder, name))) })),
    );
    const spare = files
      .filter(({ name }) => !needed.has(name.replace(/\.part$/, '')))
      .sort((a, b) => a.mtimeMs - b.mtimeMs);
    let total = spare.reduce((sum, { size }) => sum + size, 0);
    for (const { name, size } of spare) {
      if (total <= maxBytes) return;
      await disk.remove(join(folder, name));
      total -= size;
    }
  }

  async function freeBytes(): Promise<number> {
    await disk.makeFolder(folder);
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  }

  return { fetch, have, prune, freeBytes };
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await hashFile(path, hash);
  return hash.digest('hex');
}

async function hashFile(path: string, hash: ReturnType<typeof createHash>): Promise<void> {
  const handle = await open(path);
  try {
    const buffer = new Uint8Array(1 << 18);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return;
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

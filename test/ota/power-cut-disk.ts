/**
 * A disk whose power fails: after so many operations, or inside a write after so many bytes, the process ends by SIGKILL. Before
 * that, what a real disk may lose is lost: bytes that were not synced, and names that were made or changed since their folder
 * was synced. A seeded choice says which of them.
 */
import { existsSync, linkSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Disk, DiskFile } from '../../edge-agent/src/disk/disk.ts';
import { nodeDisk, storageError } from '../../edge-agent/src/disk/node-disk.ts';

export interface PowerCut {
  /** Operations until the power fails. */
  readonly operations: number;
  /** Inside an append: the share of it that is still written. */
  readonly share: number;
  readonly seed: number;
}

interface Rename {
  readonly from: string;
  readonly to: string;
  /** Another name for what `to` was before. */
  readonly before: string | undefined;
  /** Bytes of that which are safe; all of them where it is not known. */
  readonly beforeSafe: number | undefined;
}

export interface WeakDisk extends Disk {
  cut(power: PowerCut): void;
  /** Full after so many bytes more; `Infinity` has room again. */
  full(bytes: number): void;
}

export function weakDisk(): WeakDisk {
  const real = nodeDisk();
  let left = Number.POSITIVE_INFINITY;
  let share = 0;
  let state = 0;
  let room = Number.POSITIVE_INFINITY;
  let kept = 0;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  /** Bytes that are safe of each file with bytes that are not. */
  const synced = new Map<string, number>();
  /** Since their folder was synced, newest last. */
  let renames: Rename[] = [];

  function know(path: string, safe: number | undefined): void {
    if (safe === undefined) synced.delete(path);
    else synced.set(path, safe);
  }

  function count(): void {
    left -= 1;
    if (left < 0) fail();
  }

  function fail(): never {
    for (const { from, to, before, beforeSafe } of renames.reverse()) {
      // Journals keep the order of names: only the newest ones may be lost.
      if (random() < 0.5) break;
      if (existsSync(to) && !existsSync(from)) renameSync(to, from);
      if (before !== undefined) renameSync(before, to);
      // What is safe goes with the bytes, not with the name.
      know(from, synced.get(to));
      know(to, beforeSafe);
    }
    for (const [path, safe] of synced) {
      const size = statSync(path, { throwIfNoEntry: false })?.size;
      if (size === undefined || size <= safe) continue;
      truncateSync(path, safe + Math.floor(random() * (size - safe + 1)));
    }
    process.kill(process.pid, 'SIGKILL');
    // The signal ends the process before another instruction of ours does anything.
    for (;;);
  }

  async function open(path: string, mode: 'new' | 'append'): Promise<DiskFile> {
    count();
    const before = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    const file = await real.open(path, mode);
    if (!synced.has(path) || mode === 'new') synced.set(path, mode === 'new' ? 0 : before);
    return {
      async append(bytes) {
        if (left === 0) {
          writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * share)), { flag: 'a' });
          fail();
        }
        count();
        if (bytes.length > room) {
          await file.append(bytes.subarray(0, room));
          room = 0;
          throw storageError(path, Object.assign(new Error('full'), { code: 'ENOSPC' }));
        }
        room -= bytes.length;
        await file.append(bytes);
      },
      async sync() {
        count();
        await file.sync();
        synced.set(path, statSync(path).size);
      },
      close: file.close,
    };
  }

  return {
    cut(power) {
      [left, share, state] = [power.operations, power.share, power.seed >>> 0];
    },
    full(bytes) {
      room = bytes;
    },
    open,
    async rename(from, to) {
      count();
      const safe = synced.get(from);
      const before = statSync(to, { throwIfNoEntry: false })?.isFile()
        ? `${to}.before-${process.pid}-${kept++}`
        : undefined;
      if (before !== undefined) linkSync(to, before);
      await real.rename(from, to);
      renames.push({ from, to, before, beforeSafe: synced.get(to) });
      know(from, undefined);
      know(to, safe);
    },
    async link(from, to) {
      count();
      await real.link(from, to);
    },
    async remove(path) {
      count();
      synced.delete(path);
      await real.remove(path);
    },
    async makeFolder(path) {
      count();
      await real.makeFolder(path);
    },
    async syncFolder(path) {
      count();
      await real.syncFolder(path);
      for (const { to, before } of renames) if (before && dirname(to) === path) rmSync(before);
      renames = renames.filter(({ to }) => dirname(to) !== path);
    },
  };
}

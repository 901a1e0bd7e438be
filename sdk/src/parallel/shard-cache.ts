/**
 * A folder of shards by what they were made from: made once, used until nobody has taken them any more. They are made under
 * another name and renamed when all is on disk, so that a crash leaves nothing that could be taken for whole. From the first
 * use until it is closed the folder belongs to this cache alone.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SplitError } from '../errors.ts';
import { claimFolder } from './folder-claim.ts';
import { type ShardModelOptions, shardModel } from './ranked-executor.ts';
import type { Shards } from './shard-files.ts';
import { keepShards, readShards } from './shard-folder.ts';
import { storageError } from './storage-error.ts';

export interface ShardCache {
  /**
   * The shards of each segment between the cuts. They stay on disk until they are let go and swept.
   * @throws SplitError `options-invalid`, `model-invalid`, `storage-failed`
   */
  take(wanted: WantedShards): Promise<TakenShards>;
  /** Removes what nobody has taken, and what was left half-made. @throws SplitError `options-invalid`, `storage-failed` */
  sweep(): Promise<void>;
  /** Gives the folder up; what is in it stays. Safe to call twice. */
  close(): Promise<void>;
}

export interface WantedShards extends Omit<ShardModelOptions, 'directory'> {
  /** Of the model, its weights included. */
  readonly digest: string;
}

export interface TakenShards {
  readonly shards: readonly Shards[];
  /** Found as an earlier take left them. */
  readonly wasThere: boolean;
  /** Safe to call twice. */
  letGo(): void;
}

/** Raised when models are parted otherwise, or files are written otherwise. */
const FORM = 1;
const HALF_MADE = '.half-';
/** As this makes them: nothing else in the folder is touched. */
const OURS = /^(\.half-[0-9a-f]{16}|[0-9a-f]{16}-[0-9]+-[0-9a-f]{16})$/;

export function createShardCache(folder: string): ShardCache {
  const users = new Map<string, number>();
  let claimed: Promise<() => Promise<void>> | undefined;

  async function claim(): Promise<void> {
    claimed ??= mkdir(folder, { recursive: true }).then(() => claimFolder(folder));
    try {
      await claimed;
    } catch (error) {
      claimed = undefined;
      throw storageError(error, folder);
    }
  }

  function use(name: string): () => void {
    users.set(name, (users.get(name) ?? 0) + 1);
    let isUsing = true;
    return () => {
      if (!isUsing) return;
      isUsing = false;
      const left = (users.get(name) ?? 0) - 1;
      if (left > 0) users.set(name, left);
      else users.delete(name);
    };
  }

  async function make(wanted: WantedShards, name: string): Promise<void> {
    const half = `${HALF_MADE}${randomBytes(8).toString('hex')}`;
    const done = use(half);
    try {
      for (const shards of await shardModel({ ...wanted, directory: join(folder, half) }))
        await keepShards(shards);
      // What is there under that name is not whole, or it would have been read.
      await rm(join(folder, name), { recursive: true, force: true });
      await rename(join(folder, half), join(folder, name));
      await syncFolder(folder);
    } catch (error) {
      await rm(join(folder, half), { recursive: true, force: true }).catch(() => {}); // The first error says more.
      throw storageError(error, folder);
    } finally {
      done();
    }
  }

  async function take(wanted: WantedShards): Promise<TakenShards> {
    await claim();
    const name = nameOf(wanted);
    const directory = join(folder, name);
    const letGo = use(name);
    try {
      const found = await readAll(directory, wanted.cuts.length + 1);
      if (found) return { shards: found, wasThere: true, letGo };
      await make(wanted, name);
      const made = await readAll(directory, wanted.cuts.length + 1);
      if (made) return { shards: made, wasThere: false, letGo };
      throw new SplitError('storage-failed', `${directory} does not hold what was written into it`);
    } catch (error) {
      letGo();
      throw error;
    }
  }

  async function sweep(): Promise<void> {
    await claim();
    try {
      for (const name of await readdir(folder))
        if (OURS.test(name) && !users.has(name))
          await rm(join(folder, name), { recursive: true, force: true });
    } catch (error) {
      throw storageError(error, folder);
    }
  }

  async function close(): Promise<void> {
    const giveUp = await claimed?.catch(() => undefined);
    claimed = undefined;
    await giveUp?.();
  }

  return { take, sweep, close };
}

async function readAll(directory: string, segments: number): Promise<readonly Shards[] | undefined> {
  const folders = Array.from({ length: segments }, (_, index) => join(directory, `segment-${index}`));
  const shards = await Promise.all(folders.map(readShards));
  return shards.every((one) => one !== undefined) ? shards : undefined;
}

/** The same for the same model, cuts, shapes and ranks. */
function nameOf({ digest, model, cuts, ranks, minSplitBytes = 0 }: WantedShards): string {
  const shapes = model.graph.inputs.map(({ name }) => [name, model.sizedTypes.get(name)?.shape]);
  const about = JSON.stringify([FORM, digest, cuts.map(({ id }) => id), shapes, minSplitBytes]);
  const hash = createHash('sha256').update(about).digest('hex');
  return `${digest.slice(0, 16)}-${ranks}-${hash.slice(0, 16)}`;
}

/** A rename is on disk when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}

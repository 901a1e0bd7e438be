/**
 * Inputs as files: a request of the Open Inference Protocol as `*.json`, or the one input's tensor as `*.npy`, moved into a
 * folder. `NAME.result.json` appears in `results/`, then the input is removed; what cannot be answered goes to `failed/`.
 */
import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { tensorBytes } from '@cutpoint/sdk';
import { decodeNpy } from '@cutpoint/sdk/gateway';
import { datatypeOf, type InferBody, splitInferBody } from '@cutpoint/sdk/oip';
import type { Disk } from '../disk/disk.ts';
import { replaceFile } from '../disk/durable-file.ts';
import { isCloudAway } from './stored-inputs.ts';

export interface WatchFolderOptions {
  readonly disk: Disk;
  readonly folder: string;
  /** The model's first input, for tensors without a name. */
  readonly inputName: () => string;
  /** @returns the result's JSON @throws SplitError */
  readonly answer: (body: InferBody, signal: AbortSignal) => Promise<string>;
  readonly failed: (error: unknown) => string;
  /** The oldest inputs are removed beyond these. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly now: () => number;
}

export interface WatchFolder {
  /** Inputs that wait, and those that were removed for want of room or for their age. */
  state(): { readonly count: number; readonly bytes: number; readonly dropped: number };
  stop(): Promise<void>;
}

const KINDS = ['.json', '.npy'];
const LOOK_EVERY_MS = 1_000;
/** Not touched for so long, a file is whole: not everybody can move one into a folder. */
const QUIET_MS = 200;

interface Waiting {
  readonly name: string;
  readonly bytes: number;
  readonly atMs: number;
}

export async function openWatchFolder(options: WatchFolderOptions): Promise<WatchFolder> {
  const { disk, folder, now } = options;
  for (const below of ['results', 'failed']) await disk.makeFolder(join(folder, below));
  const stopping = new AbortController();
  let state = { count: 0, bytes: 0, dropped: 0 };
  let wake: () => void = () => {};
  const watcher: FSWatcher = watch(folder, () => wake());
  // Some file systems tell nothing; the look every second finds what they hid.
  watcher.on('error', () => {});
  const working = work();

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      let isMore = false;
      try {
        const waiting = await withinBounds(await list());
        const [oldest] = waiting.filter(({ atMs }) => now() - atMs >= QUIET_MS);
        if (oldest !== undefined) isMore = await answerFile(oldest.name);
      } catch {
        // The folder or the disk is away: the next look may find it again.
      }
      if (!isMore) await nextLook();
    }
  }

  async function list(): Promise<readonly Waiting[]> {
    const names = (await readdir(folder)).filter(
      (name) => KINDS.includes(extname(name)) && !name.startsWith('.'),
    );
    const found = await Promise.all(
      names.map(async (name) => {
        const { size: bytes, mtimeMs: atMs } = await stat(join(folder, name));
        return { name, bytes, atMs };
      }),
    );
    return found.sort((a, b) => a.atMs - b.atMs || a.name.localeCompare(b.name));
  }

  async function withinBounds(files: readonly Waiting[]): Promise<readonly Waiting[]> {
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    let dropped = 0;
    for (const file of files) {
      if (bytes <= options.maxBytes && now() - file.atMs <= options.maxAgeMs) break;
      await disk.remove(join(folder, file.name));
      bytes -= file.bytes;
      dropped += 1;
    }
    state = { count: files.length - dropped, bytes, dropped: state.dropped + dropped };
    return files.slice(dropped);
  }

  /** @returns whether the file is done with */
  async function answerFile(name: string): Promise<boolean> {
    const path = join(folder, name);
    const result = join(folder, 'results', `${name}.result.json`);
    try {
      const json = await options.answer(await readInput(path), stopping.signal);
      await replaceFile(disk, result, Buffer.from(`${json}\n`));
      await disk.remove(path);
    } catch (error) {
      if (stopping.signal.aborted || isCloudAway(error)) return false;
      await replaceFile(
        disk,
        join(folder, 'failed', `${name}.error.json`),
        Buffer.from(options.failed(error)),
      );
      await disk.rename(path, join(folder, 'failed', name));
    }
    return true;
  }

  async function readInput(path: string): Promise<InferBody> {
    const bytes = await readFile(path);
    if (extname(path) === '.json') return splitInferBody(bytes, undefined);
    const tensor = decodeNpy(bytes);
    const binary = tensorBytes(tensor);
    const parameters = { binary_data_size: binary.length };
    const input = {
      name: options.inputName(),
      datatype: datatypeOf(tensor.type),
      shape: tensor.dims,
      parameters,
    };
    return { json: { inputs: [input] }, binary };
  }

  function nextLook(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_EVERY_MS);
      wake = () => {
        clearTimeout(timer);
        // A file that changed just now is looked at when it has been quiet.
        setTimeout(resolve, stopping.signal.aborted ? 0 : QUIET_MS);
      };
      if (stopping.signal.aborted) wake();
    });
  }

  return {
    state: () => state,
    async stop() {
      stopping.abort();
      watcher.close();
      wake();
      await working;
    },
  };
}

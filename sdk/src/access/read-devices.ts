/** The devices file from disk: read once, or followed as it changes, so that keys and logins change without a restart. */
import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { asSplitError, SplitError } from '../errors.ts';
import { reasonOf } from '../program/reason.ts';
import { type Devices, parseDevices } from './devices.ts';

/** @throws SplitError `options-invalid`, naming the file */
export async function readDevices(path: string): Promise<Devices> {
  try {
    // Aliases could make a small file a huge one.
    return parseDevices(parse(await readFile(path, 'utf8'), { maxAliasCount: 100 }));
  } catch (cause) {
    throw new SplitError('options-invalid', `devices file ${path}: ${reasonOf(cause)}`, { cause });
  }
}

export interface DevicesFile {
  /** As they were read last; a change that cannot be read leaves them as they are. */
  readonly current: Devices;
  close(): void;
}

export interface FollowOptions {
  /** What it throws counts as a file that cannot be read. */
  readonly onChange?: (devices: Devices) => void;
  readonly onError?: (error: SplitError) => void;
  /** How often the file is looked at, in milliseconds. @default 2000 */
  readonly everyMs?: number;
}

/** Looks at the file by name: mounted secrets are replaced, not written to. @throws SplitError `options-invalid` */
export async function followDevices(path: string, options: FollowOptions = {}): Promise<DevicesFile> {
  let current = await readDevices(path);
  const reread = async () => {
    try {
      const changed = await readDevices(path);
      options.onChange?.(changed);
      current = changed;
    } catch (error) {
      options.onError?.(asSplitError(error));
    }
  };
  const listener = () => void reread();
  watchFile(path, { interval: options.everyMs ?? 2_000, persistent: false }, listener);
  return {
    get current() {
      return current;
    },
    close: () => unwatchFile(path, listener),
  };
}

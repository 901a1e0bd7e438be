/**
 * Memory between two processes: a file in memory that has no name, whose descriptor both have. Large buffers go through it,
 * because a socket takes them in pieces of some hundred kilobytes and wakes the reader for each. Where there is no such file,
 * or no room in it, the socket carries them.
 */

import { randomUUID } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writevSync } from 'node:fs';

/** Where the buffers of one message lie. */
export interface Placement {
  readonly at: number;
  readonly bytes: number;
  /** Which of the message's buffers, where from `at`, and how long it is. */
  readonly buffers: readonly (readonly [index: number, offset: number, bytes: number])[];
}

export interface SharedFile {
  readonly fd: number;
  /** Copies the large ones among the buffers, each in pieces; `undefined` where none is large or there is no room. */
  place(buffers: readonly (readonly Uint8Array[])[]): Placement | undefined;
  free(placement: Placement): void;
  freeAll(): void;
  close(): void;
}

/** Of Linux; what is there is in memory. */
export const MEMORY_FOLDER = '/dev/shm';
/** Below it the socket is as fast. */
const LEAST_BYTES = 1 << 16;
/** Of the file; it grows to what is in it at a time. */
const MOST_BYTES = 1 << 28;
/** Typed arrays of any type may lie there. */
const ALIGNMENT = 64;
const PADDING = new Uint8Array(ALIGNMENT);

/** `undefined` where the system has no files in memory. */
export function openSharedFile(mostBytes = MOST_BYTES): SharedFile | undefined {
  const fd = openUnnamed();
  if (fd === undefined) return undefined;
  let used: readonly Placement[] = [];
  let limit = mostBytes;

  function place(buffers: readonly (readonly Uint8Array[])[]): Placement | undefined {
    const placed: [index: number, offset: number, bytes: number][] = [];
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for (const [index, buffer] of buffers.entries()) {
      const length = lengthOf(buffer);
      if (length < LEAST_BYTES) continue;
      placed.push([index, bytes, length]);
      const padding = -length & (ALIGNMENT - 1);
      pieces.push(...buffer, PADDING.subarray(0, padding));
      bytes += length + padding;
    }
    if (placed.length === 0) return undefined;
    const at = gapFor(used, bytes);
    if (at + bytes > limit || !write(pieces, at, bytes)) return undefined;
    const placement = { at, bytes, buffers: placed };
    used = [...used, placement].sort((a, b) => a.at - b.at);
    return placement;
  }

  /** Containers give such files 64 MiB by default: what does not fit is not tried again. */
  function write(pieces: readonly Uint8Array[], at: number, bytes: number): boolean {
    try {
      if (writevSync(fd as number, pieces, at) === bytes) return true;
    } catch {
      // As when only a part was taken: the socket is the other way.
    }
    limit = at;
    ftruncateSync(fd as number, Math.max(at, endOf(used)));
    return false;
  }

  return {
    fd,
    place,
    free(placement) {
      used = used.filter((other) => other !== placement);
    },
    freeAll() {
      used = [];
    },
    close: () => closeSync(fd),
  };
}

function openUnnamed(): number | undefined {
  const path = `${MEMORY_FOLDER}/cutpoint-${randomUUID()}`;
  try {
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return fd;
  } catch {
    return undefined;
  }
}

/** The lowest place: what was used last is still in the processor's caches. */
function gapFor(used: readonly Placement[], bytes: number): number {
  let at = 0;
  for (const placement of used) {
    if (placement.at - at >= bytes) break;
    at = placement.at + placement.bytes;
  }
  return at;
}

function endOf(used: readonly Placement[]): number {
  return used.reduce((end, { at, bytes }) => Math.max(end, at + bytes), 0);
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

export interface SharedReader {
  /** A copy of what was placed, in memory that threads share and that is used again once it is given back. */
  read(placement: Placement): { readonly buffers: ReadonlyMap<number, Uint8Array>; giveBack(): void };
}

/** More are not kept: one for the run that is made and one for the next. */
const MOST_KEPT = 2;

export function createSharedReader(fd: number): SharedReader {
  let kept: SharedArrayBuffer[] = [];

  function take(bytes: number): SharedArrayBuffer {
    const found = kept.find(({ byteLength }) => byteLength >= bytes);
    kept = kept.filter((buffer) => buffer !== found);
    return found ?? new SharedArrayBuffer(bytes);
  }

  return {
    read({ at, bytes, buffers }) {
      const memory = take(bytes);
      const view = new Uint8Array(memory, 0, bytes);
      for (let filled = 0; filled < bytes; ) {
        const got = readSync(fd, view, filled, bytes - filled, at + filled);
        if (got === 0) throw new Error('the shared file ended early');
        filled += got;
      }
      return {
        buffers: new Map(
          buffers.map(([index, offset, length]) => [index, new Uint8Array(memory, offset, length)] as const),
        ),
        giveBack() {
          // The larger ones fit more.
          kept = [...kept, memory].sort((a, b) => b.byteLength - a.byteLength).slice(0, MOST_KEPT);
        },
      };
    },
  };
}

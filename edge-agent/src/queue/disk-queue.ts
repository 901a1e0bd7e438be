/**
 * A queue on the disk: first in, first out, bounded by bytes and age, and unharmed by a power cut at any write.
 * Records lie in segments of a sixteenth of the bound; when it is full, the oldest segment goes as a whole.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import { z } from 'zod';
import type { Disk } from '../disk/disk.ts';
import { readJson, replaceJson } from '../disk/durable-file.ts';
import { encodeRecord, type QueueRecord } from './record.ts';
import { appendToSegment, readSegment, recoverSegment, type Segment } from './segment.ts';

export interface DiskQueueOptions {
  readonly disk: Disk;
  readonly folder: string;
  /** Most bytes on the disk; beyond, the oldest are dropped. */
  readonly maxBytes: number;
  /** Older ones are dropped instead of given, in milliseconds. */
  readonly maxAgeMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface QueueState {
  readonly count: number;
  readonly bytes: number;
  /** Since the agent started, for want of room and for their age. */
  readonly dropped: number;
  /** Number of the record that was put in last. */
  readonly lastSequence: number;
}

export interface DiskQueue {
  state(): QueueState;
  /** Safe on the disk when it resolves. @returns its number @throws SplitError `payload-too-large`, `storage-failed` */
  put(bytes: Uint8Array): Promise<number>;
  /** The oldest ones, in order; they stay until they are taken. */
  peek(limit: { readonly count: number; readonly bytes: number }): Promise<readonly QueueRecord[]>;
  /** The one put in last, if it was not taken. */
  newest(): Promise<QueueRecord | undefined>;
  /** That number and all before it are done with. */
  take(sequence: number): Promise<void>;
}

const SEGMENTS = 16;
const SUFFIX = '.records';
const cursorSchema = z.object({ taken: z.int().nonnegative() });

export async function openDiskQueue(options: DiskQueueOptions): Promise<DiskQueue> {
  await options.disk.makeFolder(options.folder);
  const cursor = await readJson(cursorPath(options), cursorSchema);
  const segments = await recover(options);
  return createQueue(options, segments, cursor?.taken ?? 0);
}

function createQueue(options: DiskQueueOptions, segments: Segment[], alreadyTaken: number): DiskQueue {
  const { disk, folder, maxBytes, maxAgeMs, now } = options;
  const segmentBytes = Math.ceil(maxBytes / SEGMENTS);
  let taken = alreadyTaken;
  let lastSequence = Math.max(taken, ...segments.map(({ last }) => last));
  let dropped = 0;
  /** Where the next record goes; none at first, so that nothing is written behind a torn record. */
  let open: Segment | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  /** One at a time, in the order of the calls. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  }

  async function put(bytes: Uint8Array): Promise<number> {
    const record = { sequence: lastSequence + 1, atMs: now(), bytes };
    const encoded = encodeRecord(record);
    if (encoded.length > segmentBytes) {
      throw new SplitError(
        'payload-too-large',
        `a record of ${encoded.length} bytes; a queue of ${maxBytes} takes ${segmentBytes} at most`,
      );
    }
    await makeRoom(encoded.length);
    open ??= await addSegment(record.sequence);
    const segment = open;
    try {
      await appendToSegment(disk, segment, { record, bytes: encoded });
    } catch (error) {
      open = undefined;
      throw error;
    }
    lastSequence = record.sequence;
    if (segment.bytes >= segmentBytes) open = undefined;
    return record.sequence;
  }

  async function addSegment(sequence: number): Promise<Segment> {
    // A number may come again after a failed write, the name of its segment may not.
    const path = join(folder, `${String(sequence).padStart(16, '0')}-${segments.length}${SUFFIX}`);
    const file = await disk.open(path, 'new');
    await file.close();
    await disk.syncFolder(folder);
    const segment: Segment = { path, bytes: 0, first: 0, last: 0, count: 0 };
    segments.push(segment);
    return segment;
  }

  async function makeRoom(bytes: number): Promise<void> {
    while (totalBytes() + bytes > maxBytes && segments.length > 0) {
      const [oldest] = segments as [Segment];
      dropped += leftIn(oldest);
      if (oldest.last > taken) await mark(oldest.last);
      await removeSegment(oldest);
    }
  }

  async function removeSegment(segment: Segment): Promise<void> {
    await disk.remove(segment.path);
    segments.splice(segments.indexOf(segment), 1);
    if (open === segment) open = undefined;
  }

  async function peek({ count, bytes }: { count: number; bytes: number }): Promise<readonly QueueRecord[]> {
    const found: QueueRecord[] = [];
    let size = 0;
    const oldestMs = now() - maxAgeMs;
    for (const segment of segments.filter(({ last }) => last > taken)) {
      for (const record of await readSegment(segment.path)) {
        if (record.sequence <= taken) continue;
        if (record.atMs < oldestMs && found.length === 0) {
          dropped += 1;
          taken = record.sequence;
          continue;
        }
        if (found.length > 0 && (found.length >= count || size + record.bytes.length > bytes)) return found;
        found.push(record);
        size += record.bytes.length;
      }
    }
    return found;
  }

  async function newest(): Promise<QueueRecord | undefined> {
    const segment = segments.findLast(({ last }) => last > taken);
    return segment && (await readSegment(segment.path)).at(-1);
  }

  async function take(sequence: number): Promise<void> {
    await mark(Math.min(sequence, lastSequence));
    for (const segment of segments.filter(({ last }) => last <= taken)) await removeSegment(segment);
  }

  /** Before segments go: were they gone first, their numbers would be given again after a power cut. */
  async function mark(sequence: number): Promise<void> {
    taken = Math.max(taken, sequence);
    await replaceJson(disk, cursorPath(options), { taken });
  }

  const leftIn = ({ first, last, count }: Segment) =>
    last <= taken ? 0 : Math.min(count, last - Math.max(taken, first - 1));
  const totalBytes = () => segments.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    state: () => ({
      count: segments.reduce((sum, segment) => sum + leftIn(segment), 0),
      bytes: totalBytes(),
      dropped,
      lastSequence,
    }),
    put: (bytes) => inTurn(() => put(bytes)),
    peek: (limit) => inTurn(() => peek(limit)),
    newest: () => inTurn(newest),
    take: (sequence) => inTurn(() => take(sequence)),
  };
}

async function recover({ disk, folder }: DiskQueueOptions): Promise<Segment[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX)).sort();
  const segments: Segment[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const segment = await recoverSegment(path, (await stat(path)).size);
    if (segment.count > 0) segments.push(segment);
    else await disk.remove(path);
  }
  return segments;
}

function cursorPath({ folder }: DiskQueueOptions): string {
  return join(folder, 'taken.json');
}

/** A file of records, written at its end only and read as a whole. */
import { readFile } from 'node:fs/promises';
import type { Disk } from '../disk/disk.ts';
import { storageError } from '../disk/node-disk.ts';
import { decodeRecord, type QueueRecord } from './record.ts';

export interface Segment {
  readonly path: string;
  bytes: number;
  /** Numbers of its first and last record; 0 while it has none. */
  first: number;
  last: number;
  count: number;
}

export async function readSegment(path: string): Promise<readonly QueueRecord[]> {
  const file = await readFile(path).catch((cause) => Promise.reject(storageError(path, cause)));
  const records: QueueRecord[] = [];
  for (let at = 0; ; ) {
    const decoded = decodeRecord(file, at);
    if (decoded === undefined) return records;
    records.push(decoded.record);
    at = decoded.end;
  }
}

/** What an earlier run left, without what a power cut tore. */
export async function recoverSegment(path: string, bytes: number): Promise<Segment> {
  const records = await readSegment(path);
  const [first, last] = [records[0]?.sequence ?? 0, records.at(-1)?.sequence ?? 0];
  return { path, bytes, first, last, count: records.length };
}

/** Safe on the disk when it resolves; on an error nobody may write to the segment again. */
export async function appendToSegment(
  disk: Disk,
  segment: Segment,
  { record, bytes }: { readonly record: QueueRecord; readonly bytes: Uint8Array },
): Promise<void> {
  const file = await disk.open(segment.path, 'append');
  try {
    await file.append(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  segment.bytes += bytes.length;
  segment.first ||= record.sequence;
  segment.last = record.sequence;
  segment.count += 1;
}

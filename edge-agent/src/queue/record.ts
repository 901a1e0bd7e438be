/** One record of a queue's file: length, checksum, number, time, bytes. A torn one at the end is recognised as such. */
import { crc32 } from 'node:zlib';

export interface QueueRecord {
  /** Counts up by one for each record, across restarts. */
  readonly sequence: number;
  /** When it was put in, in milliseconds since 1970. */
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** u32 length of the bytes, u32 checksum of all that follows it, f64 number, f64 time. */
export const RECORD_HEADER_BYTES = 24;

export function encodeRecord({ sequence, atMs, bytes }: QueueRecord): Uint8Array {
  const record = Buffer.alloc(RECORD_HEADER_BYTES + bytes.length);
  record.writeUInt32LE(bytes.length, 0);
  record.writeDoubleLE(sequence, 8);
  record.writeDoubleLE(atMs, 16);
  record.set(bytes, RECORD_HEADER_BYTES);
  record.writeUInt32LE(crc32(record.subarray(8)), 4);
  return record;
}

export interface DecodedRecord {
  readonly record: QueueRecord;
  /** Where the next one begins. */
  readonly end: number;
}

/** The record at `at`; `undefined` where none is whole: the end, or what a power cut left. */
export function decodeRecord(file: Buffer, at: number): DecodedRecord | undefined {
  if (at + RECORD_HEADER_BYTES > file.length) return undefined;
  const end = at + RECORD_HEADER_BYTES + file.readUInt32LE(at);
  if (end > file.length || crc32(file.subarray(at + 8, end)) !== file.readUInt32LE(at + 4)) return undefined;
  const [sequence, atMs] = [file.readDoubleLE(at + 8), file.readDoubleLE(at + 16)];
  return { record: { sequence, atMs, bytes: file.subarray(at + RECORD_HEADER_BYTES, end) }, end };
}

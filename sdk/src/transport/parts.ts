/** Cuts a message into parts without copying it. Fixed for all attempts, so that their parts fit together. */
import { SplitError } from '../errors.ts';
import { headerBytes } from '../protocol/envelope.ts';
import { MAX_HEADER_BYTES, MIN_CHUNK_BYTES, PACKET_OVERHEAD_BYTES } from '../protocol/limits.ts';

export interface Parts {
  readonly count: number;
  readonly totalBytes: number;
  /** Payload bytes of one part. */
  bytesOf(part: number): number;
  /** Views of the pieces that make up one part. */
  slice(part: number): readonly Uint8Array[];
}

/** Room for the fields that the outbox adds to a header, in bytes. */
const PART_FIELD_BYTES = 128;

/** Of a message in parts. Large enough to be worth its way, and to hold what most headers name. */
const FIRST_PART_BYTES = 8 * 1024;

/** Payload bytes of a part that fit the packet limit of the broker beside the header of the first one. */
export function partBytesFor(chunkBytes: number, maxPacketBytes: number, head: object): number {
  if (chunkBytes + PACKET_OVERHEAD_BYTES + MAX_HEADER_BYTES <= maxPacketBytes) return chunkBytes;
  const headBytes = headerBytes(head) + PART_FIELD_BYTES;
  const partBytes = Math.min(chunkBytes, maxPacketBytes - PACKET_OVERHEAD_BYTES - headBytes);
  if (partBytes >= MIN_CHUNK_BYTES) return partBytes;
  throw new SplitError(
    'payload-too-large',
    `packets of ${maxPacketBytes} bytes leave ${partBytes} for a part; ${MIN_CHUNK_BYTES} are needed`,
  );
}

export function cutIntoParts(pieces: readonly Uint8Array[], mostPartBytes: number): Parts {
  const totalBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const { count, startOf } = layOut(totalBytes, mostPartBytes);
  return {
    count,
    totalBytes,
    bytesOf: (part) => startOf(part + 1) - startOf(part),
    slice: (part) => viewRange(pieces, startOf(part), startOf(part + 1)),
  };
}

/** How many parts a message of so many bytes goes out in. */
export function countParts(totalBytes: number, mostPartBytes: number): number {
  return layOut(totalBytes, mostPartBytes).count;
}

/**
 * A short one first, and the rest of equal size: the link's rate is told from what comes after the first, so the less is in
 * that, and the more in the last, the better.
 */
function layOut(totalBytes: number, mostPartBytes: number) {
  const firstBytes = totalBytes <= mostPartBytes ? totalBytes : Math.min(mostPartBytes, FIRST_PART_BYTES);
  const laterBytes = totalBytes - firstBytes;
  const equalBytes = Math.ceil(laterBytes / Math.max(1, Math.ceil(laterBytes / mostPartBytes)));
  const partBytes = Math.max(equalBytes, Math.min(mostPartBytes, MIN_CHUNK_BYTES));
  return {
    count: 1 + Math.ceil(laterBytes / partBytes),
    startOf: (part: number) => (part === 0 ? 0 : Math.min(totalBytes, firstBytes + (part - 1) * partBytes)),
  };
}

function viewRange(pieces: readonly Uint8Array[], from: number, to: number): Uint8Array[] {
  const views: Uint8Array[] = [];
  let start = 0;
  for (const piece of pieces) {
    const view = piece.subarray(Math.max(0, from - start), Math.max(0, to - start));
    if (view.length > 0) views.push(view);
    start += piece.length;
  }
  return views;
}

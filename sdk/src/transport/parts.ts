/** Cuts a message into parts of equal size without copying it. Fixed for all attempts, so that their parts fit together. */
import { SplitError } from '../errors.ts';
import { headerBytes } from '../protocol/envelope.ts';
import { MAX_HEADER_BYTES, MIN_CHUNK_BYTES, PACKET_OVERHEAD_BYTES } from '../protocol/limits.ts';

export interface Parts {
  readonly count: number;
  readonly totalBytes: number;
  /** Payload bytes of each part but the last. */
  readonly partBytes: number;
  /** Views of the pieces that make up one part. */
  slice(part: number): readonly Uint8Array[];
}

/** Room for the fields that the outbox adds to a header, in bytes. */
const PART_FIELD_BYTES = 128;

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

/** Of equal size: a short last part would say little of the link's rate. */
export function cutIntoParts(pieces: readonly Uint8Array[], mostPartBytes: number): Parts {
  const totalBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const equalBytes = Math.ceil(totalBytes / Math.max(1, Math.ceil(totalBytes / mostPartBytes)));
  const partBytes = Math.max(equalBytes, Math.min(mostPartBytes, MIN_CHUNK_BYTES));
  return {
    count: Math.max(1, Math.ceil(totalBytes / partBytes)),
    totalBytes,
    partBytes,
    slice: (part) => viewRange(pieces, part * partBytes, (part + 1) * partBytes),
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

/** Cuts a message into parts of equal size without copying it. Fixed for all attempts, so that their parts fit together. */
import { SplitError } from '../errors.ts';
import { MIN_CHUNK_BYTES, PACKET_OVERHEAD_BYTES } from '../protocol/limits.ts';

export interface Parts {
  readonly count: number;
  readonly totalBytes: number;
  /** Payload bytes of each part but the last. */
  readonly partBytes: number;
  /** Views of the pieces that make up one part. */
  slice(part: number): readonly Uint8Array[];
}

/** Payload bytes of a part that fit the packet limit of the broker beside a header of `headerBytes`. */
export function partBytesFor(chunkBytes: number, maxPacketBytes: number, headerBytes: number): number {
  const partBytes = Math.min(chunkBytes, maxPacketBytes - PACKET_OVERHEAD_BYTES - headerBytes);
  if (partBytes >= MIN_CHUNK_BYTES) return partBytes;
  throw new SplitError(
    'payload-too-large',
    `packets of ${maxPacketBytes} bytes leave ${partBytes} for a part; ${MIN_CHUNK_BYTES} are needed`,
  );
}

export function cutIntoParts(pieces: readonly Uint8Array[], partBytes: number): Parts {
  const totalBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
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

/** What is fed to a run: tensors, and tensors whose bytes still lie in pieces, as the rows of several requests do. */
import { elementCount, type Tensor, tensorBytes, tensorFromBytes } from '../tensor.ts';
import { joinRows, sizeAlong } from '../tensor-rows.ts';

/** One tensor, whose bytes are those of the pieces one after the other. Joined by who hands them over, in the one copy that it makes. */
export interface PiecedTensor extends Pick<Tensor, 'type' | 'dims'> {
  readonly pieces: readonly Uint8Array[];
}

export type Feed = Tensor | PiecedTensor;
export type Feeds = Readonly<Record<string, Feed>>;

export function isPieced(feed: Feed): feed is PiecedTensor {
  return 'pieces' in feed;
}

/** Bytes of a feed, without a copy. */
export function piecesOf(feed: Feed): readonly Uint8Array[] {
  return isPieced(feed) ? feed.pieces : [tensorBytes(feed)];
}

/** In one piece: a copy where it was in several, else the very tensor. */
export function wholeTensor(feed: Feed): Tensor {
  if (!isPieced(feed)) return feed;
  const { type, dims, pieces } = feed;
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return tensorFromBytes(type, dims, bytes);
}

/** All rows of tensors of one type and equal other dimensions, in order: in pieces, unless rows of different tensors interleave. */
export function rowsInPieces(tensors: readonly Tensor[], axis: number): Feed {
  const [first] = tensors;
  if (first === undefined || tensors.length === 1 || elementCount(first.dims.slice(0, axis)) > 1)
    return joinRows(tensors, axis);
  const rows = tensors.reduce((sum, tensor) => sum + sizeAlong(tensor, axis), 0);
  const dims = first.dims.map((dim, i) => (i === axis ? rows : dim));
  return { type: first.type, dims, pieces: tensors.map(tensorBytes) };
}

/** Deflate (RFC 1951, without a wrapper) as a port: node:zlib in Node, CompressionStream in a browser. */
import { asSplitError, SplitError } from '../../errors.ts';

export interface Deflate {
  deflate(bytes: Uint8Array): Promise<Uint8Array> | Uint8Array;
  /**
   * The first `exactBytes` bytes at most: it stops, and may throw, beyond them.
   * Throws on damaged bytes, and on any that follow the end of the stream.
   */
  inflate(bytes: Uint8Array, exactBytes: number): Promise<Uint8Array> | Uint8Array;
}

/** Deflate packs 258 bytes into 2 bits at best: a claim beyond that ratio is refused before anything is allocated. */
const MAX_RATIO = 1032;

/** `undefined` where the packed form is no smaller. */
export async function pack(deflate: Deflate, bytes: Uint8Array): Promise<Uint8Array | undefined> {
  if (bytes.length === 0) return undefined;
  const packed = await deflate.deflate(bytes);
  return packed.length < bytes.length ? packed : undefined;
}

/** @throws SplitError `codec-invalid` unless `packed` holds exactly `exactBytes` bytes, at least one */
export async function unpack(deflate: Deflate, packed: Uint8Array, exactBytes: number): Promise<Uint8Array> {
  if (exactBytes === 0 || exactBytes > packed.length * MAX_RATIO) {
    throw new SplitError('codec-invalid', `deflate: ${packed.length} bytes cannot hold ${exactBytes}`);
  }
  const bytes = await inflate(deflate, packed, exactBytes);
  if (bytes.length !== exactBytes) {
    throw new SplitError('codec-invalid', `deflate: ${bytes.length} bytes came out, not ${exactBytes}`);
  }
  return bytes;
}

async function inflate(deflate: Deflate, packed: Uint8Array, exactBytes: number): Promise<Uint8Array> {
  try {
    return await deflate.inflate(packed, exactBytes);
  } catch (error) {
    throw asSplitError(error, 'codec-invalid');
  }
}

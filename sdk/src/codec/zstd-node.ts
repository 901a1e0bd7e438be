/** The Zstd adapter for Node: node:zlib, from the versions on that have it, on its thread pool. */
import * as zlib from 'node:zlib';
import { plainBytes } from './deflate-node.ts';
import type { Zstd } from './entropy/zstd.ts';

/** Higher levels cost several times the time for a few per cent of the bytes. */
const LEVEL = 1;

/** `undefined` on a Node without zstd. */
export function zstdNode(): Zstd | undefined {
  return typeof zlib.zstdCompress === 'function' ? { compress, decompress } : undefined;
}

function compress(bytes: Uint8Array): Promise<Uint8Array> {
  const options = { params: { [zlib.constants.ZSTD_c_compressionLevel]: LEVEL } };
  return new Promise((resolve, reject) => {
    zlib.zstdCompress(bytes, options, (error, packed) =>
      error ? reject(error) : resolve(plainBytes(packed)),
    );
  });
}

function decompress(bytes: Uint8Array, exactBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // One more than is wanted, so that what is too long is seen to be.
    const options = { maxOutputLength: exactBytes + 1 };
    zlib.zstdDecompress(bytes, options, (error, whole) =>
      error ? reject(error) : resolve(plainBytes(whole)),
    );
  });
}

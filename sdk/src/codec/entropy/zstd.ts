/** Zstandard (RFC 8878) as a port: node:zlib where it has it. Without one, zstd profiles pack with deflate instead. */
import { asSplitError, SplitError } from '../../errors.ts';

export interface Zstd {
  compress(bytes: Uint8Array): Promise<Uint8Array>;
  /** Throws on damaged bytes, and when more than `exactBytes` come out. */
  decompress(bytes: Uint8Array, exactBytes: number): Promise<Uint8Array>;
}

/** @throws SplitError `codec-invalid` unless `packed` holds exactly `exactBytes` bytes */
export async function unpackZstd(
  zstd: Zstd | undefined,
  packed: Uint8Array,
  exactBytes: number,
): Promise<Uint8Array> {
  if (zstd === undefined) throw new SplitError('codec-invalid', 'this side has no zstd');
  const bytes = await zstd.decompress(packed, exactBytes).catch((error: unknown) => {
    throw asSplitError(error, 'codec-invalid');
  });
  if (bytes.length === exactBytes) return bytes;
  throw new SplitError('codec-invalid', `zstd: ${bytes.length} bytes came out, not ${exactBytes}`);
}

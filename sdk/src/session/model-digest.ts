/** What a model is known by: a hash of all its bytes, those of weights in other files included. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { SplitError } from '../errors.ts';
import { externalRanges } from '../onnx/external-data.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { ModelSource } from '../source/model-source.ts';

/**
 * SHA-256 of the .onnx file, in hexadecimal. Where the model keeps weights in files beside it, that of a list: the
 * file's digest, then place and digest of every stretch that it names. Two models that differ in one weight differ,
 * and a file that holds other things too is read only where it is named.
 * These bytes are streamed once per opening: about a second per gigibyte that is in the page cache, else as fast as
 * the disk is.
 */
export async function modelDigest(
  source: ModelSource,
  model: OnnxModel,
  fileDigest: string,
): Promise<string> {
  const ranges = externalRanges(model);
  if (ranges.length === 0) return fileDigest;
  const parts: unknown[] = [fileDigest];
  for (const { location, offset, end } of ranges) {
    if (!source.digestRange) throw noFiles(location);
    parts.push([location, offset, await source.digestRange(location, offset, end)]);
  }
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(parts))));
}

function noFiles(location: string): SplitError {
  return new SplitError(
    'model-invalid',
    `the model keeps weights in ${JSON.stringify(location)}, and a model in memory has no files beside it`,
  );
}

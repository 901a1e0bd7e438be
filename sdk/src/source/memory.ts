/** A model that is already in memory. Its segments carry their weights with them. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { ModelSource } from './model-source.ts';

/** @param bytes an .onnx file; not copied, so leave it unchanged */
export function memorySource(bytes: Uint8Array): ModelSource {
  return {
    read: async () => bytes,
    digest: async () => bytesToHex(sha256(bytes)),
  };
}

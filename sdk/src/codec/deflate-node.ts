/** The Deflate adapter for Node: node:zlib, on its thread pool, so that the event loop stays free. */
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { Deflate } from './entropy/deflate.ts';

/** Level 1: on activations the higher levels cost several times the time for a few per cent of the bytes. */
const LEVEL = 1;
/** Every filled chunk is a trip to the thread pool and back. */
const MAX_CHUNK_BYTES = 1 << 20;
const MIN_CHUNK_BYTES = 64;

export function deflateNode(): Deflate {
  return { deflate, inflate };
}

function deflate(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const options = { level: LEVEL, chunkSize: chunkBytes(bytes.length) };
    deflateRaw(bytes, options, (error, packed) => (error ? reject(error) : resolve(plainBytes(packed))));
  });
}

function inflate(bytes: Uint8Array, exactBytes: number): Promise<Uint8Array> {
  const options = { maxOutputLength: exactBytes, chunkSize: chunkBytes(exactBytes), info: true };
  return new Promise((resolve, reject) => {
    inflateRaw(bytes, options, (error, result) => {
      if (error) return reject(error);
      const { buffer, engine } = result as unknown as InflateInfo;
      if (engine.bytesWritten === bytes.length) return resolve(plainBytes(buffer));
      reject(new Error(`the stream ends after ${engine.bytesWritten} of ${bytes.length} bytes`));
    });
  });
}

/** zlib hands out Buffers, whose slice() is a view and which print and compare as something else. */
export function plainBytes({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** What zlib hands over with `info: true`; Node's types do not say. */
interface InflateInfo {
  readonly buffer: Uint8Array;
  /** `bytesWritten` counts the input that was used. */
  readonly engine: { readonly bytesWritten: number };
}

function chunkBytes(wantedBytes: number): number {
  return Math.min(Math.max(wantedBytes + MIN_CHUNK_BYTES, MIN_CHUNK_BYTES), MAX_CHUNK_BYTES);
}

/** A model in a file. Its segments name their weights in that file, so it must stay as it is while in use. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { open, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { SplitError } from '../errors.ts';
import type { ModelSource } from './model-source.ts';
import { readStructure } from './structure.ts';

/** Largest file that can be read, in bytes; a larger model keeps its weights in files beside it. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/** @param path relative to the working directory, or absolute */
export function fileSource(path: string): ModelSource {
  const full = withoutLinks(resolve(path));
  return {
    directory: dirname(full),
    location: basename(full),
    read: () => readFile(full).catch((cause) => Promise.reject(unreadable(full, cause))),
    readStructure: () => readStructureOf(full).catch((cause) => Promise.reject(unreadable(full, cause))),
    digest: () => digestOf(full).catch((cause) => Promise.reject(unreadable(full, cause))),
    digestRange: (location, offset, end) => digestBeside(dirname(full), location, { offset, end }),
  };
}

// ONNX Runtime refuses weights that a link leads to: where the file really lies is its directory.
function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // Not there: reading it will say so.
  }
}

async function readStructureOf(path: string): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) throw new Error(`is larger than ${MAX_FILE_BYTES} bytes`);
  return await readStructure(path);
}

async function digestOf(path: string, part: { start?: number; end?: number } = {}): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(path);
  try {
    // Into one buffer over and over: a stream would leave the memory of the whole file to be collected.
    const buffer = new Uint8Array(1 << 18);
    for (let at = part.start ?? 0; ; ) {
      const left = part.end === undefined ? buffer.length : part.end + 1 - at;
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, left), at);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

async function digestBeside(
  directory: string,
  location: string,
  { offset, end }: { readonly offset: number; readonly end: number | null },
): Promise<string> {
  const path = join(directory, location);
  try {
    const bytes = await sizeOf(directory, path);
    const last = end ?? bytes;
    if (offset > last || last > bytes)
      throw new Error(`has ${bytes} bytes; the model names ${offset} to ${last}`);
    // The stream's `end` is the last byte itself, so nothing at all cannot be asked for.
    if (offset === last) return createHash('sha256').digest('hex');
    return await digestOf(path, { start: offset, end: last - 1 });
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** Of a regular file. Where a link leads out of the directory, the model would choose what is read. */
async function sizeOf(directory: string, path: string): Promise<number> {
  const real = await realpath(path);
  if (!real.startsWith(directory.endsWith(sep) ? directory : directory + sep))
    throw new Error("lies outside of the model's directory");
  const found = await stat(real);
  if (!found.isFile()) throw new Error('is not a file');
  return found.size;
}

function unreadable(path: string, cause: unknown): SplitError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const text = cause instanceof Error ? cause.message : cause;
  const why = code === 'ERR_FS_FILE_TOO_LARGE' ? `larger than ${MAX_FILE_BYTES} bytes` : String(code ?? text);
  return new SplitError('model-invalid', `cannot read model ${path}: ${why}`, { cause });
}

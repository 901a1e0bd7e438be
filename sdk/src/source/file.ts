/** A model in a file. Its segments name their weights in that file, so it must stay as it is while in use. */
import { createHash } from 'node:crypto';
import { createReadStream, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SplitError } from '../errors.ts';
import type { ModelSource } from './model-source.ts';

/** Largest file that can be read, in bytes; a larger model keeps its weights in files beside it. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/** @param path relative to the working directory, or absolute */
export function fileSource(path: string): ModelSource {
  const full = withoutLinks(resolve(path));
  return {
    directory: dirname(full),
    location: basename(full),
    read: () => readFile(full).catch((cause) => Promise.reject(unreadable(full, cause))),
    digest: () => digestOf(full).catch((cause) => Promise.reject(unreadable(full, cause))),
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

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

function unreadable(path: string, cause: unknown): SplitError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const why =
    code === 'ERR_FS_FILE_TOO_LARGE' ? `larger than ${MAX_FILE_BYTES} bytes` : String(code ?? cause);
  return new SplitError('model-invalid', `cannot read model ${path}: ${why}`, { cause });
}

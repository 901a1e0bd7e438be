/** What the file system says, as an error with a code and the path at fault. */
import { isSplitError, SplitError } from '../errors.ts';

/** Whatever goes wrong in it that has no code yet is `storage-failed` of that path. */
export async function storing<Made>(path: string, work: () => Promise<Made>): Promise<Made> {
  try {
    return await work();
  } catch (error) {
    throw storageError(error, path);
  }
}

export function storageError(error: unknown, path: string): SplitError {
  if (isSplitError(error)) return error;
  return new SplitError('storage-failed', `the ranks’ files in ${path}: ${String(error)}`, { cause: error });
}

/** A bundle in a folder of this machine, such as a stick that somebody brought. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { asSplitError, SplitError } from '@cutpoint/sdk';
import type { BundleSource } from './bundle-source.ts';

export function folderBundleSource(folder: string): BundleSource {
  return {
    place: folder,
    async *read(path, offset, signal) {
      try {
        yield* createReadStream(join(folder, path), { start: offset, signal });
      } catch (cause) {
        if (signal.aborted) throw asSplitError(signal.reason, 'aborted');
        const code = (cause as { code?: string }).code;
        throw new SplitError('bundle-invalid', `${join(folder, path)} cannot be read: ${code}`, { cause });
      }
    },
    close: async () => {},
  };
}

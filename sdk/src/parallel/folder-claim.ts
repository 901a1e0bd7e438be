/** A folder that one process of this machine has for itself: by an abstract socket, which ends as its process does, however that is. */
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { SplitError } from '../errors.ts';

/**
 * Elsewhere than on Linux, where there are no such sockets, nothing is claimed.
 * @returns how to give it up
 * @throws SplitError `options-invalid` where another process has it
 */
export async function claimFolder(folder: string): Promise<() => Promise<void>> {
  if (process.platform !== 'linux') return async () => {};
  const path = await realpath(folder);
  const name = createHash('sha256').update(path).digest('hex').slice(0, 32);
  const server = createServer((socket) => socket.destroy()).unref();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(`\0cutpoint-folder-${name}`, resolve);
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new SplitError('options-invalid', `${path} is another gateway's; give each a folder of its own`, {
      cause,
    });
  }
  return () => new Promise((resolve) => server.close(() => resolve()));
}

/** A web server for bundles, with ranges, whose link can be lost at any byte. */
import { open, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface WeakServer {
  readonly url: string;
  /** After so many bytes of bodies, of all requests together, the connection is cut; once. `Infinity` is never. */
  cutAfter(bytes: number): void;
  /** Requests with a range that did not begin at 0. */
  readonly resumed: number;
  close(): Promise<void>;
}

export async function startWeakServer(folder: string): Promise<WeakServer> {
  let left = Number.POSITIVE_INFINITY;
  let resumed = 0;
  const server = createServer(async (request, reply) => {
    const path = join(folder, decodeURIComponent(request.url ?? '').replaceAll('..', ''));
    const size = await stat(path).then(
      (found) => found.size,
      () => undefined,
    );
    if (size === undefined) return reply.writeHead(404).end();
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from > 0) resumed += 1;
    if (from >= size && size > 0) return reply.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    reply.writeHead(206, {
      'content-length': size - from,
      'content-range': `bytes ${from}-${size - 1}/${size}`,
    });
    const handle = await open(path);
    const bytes = Buffer.alloc(size - from);
    await handle.read(bytes, 0, bytes.length, from);
    await handle.close();
    if (left >= bytes.length) {
      left -= bytes.length;
      return reply.end(bytes);
    }
    const rest = left;
    left = Number.POSITIVE_INFINITY;
    reply.write(bytes.subarray(0, rest), () => reply.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutAfter(bytes) {
      left = bytes;
    },
    get resumed() {
      return resumed;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** Where the API listens: loopback, and a Unix socket beside it. */
import { chmod, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { SplitError } from '@cutpoint/sdk';
import type { ListenAddress } from '@cutpoint/sdk/program';
import type { FastifyInstance } from 'fastify';

/** The kernel's limit for the path of a Unix socket, less the end mark. */
export const MAX_SOCKET_PATH_BYTES = 107;
/** The agent's user and its group. */
const SOCKET_MODE = 0o660;

/** @returns the base URL @throws SplitError `options-invalid` */
export async function listenOnLoopback(app: FastifyInstance, { host, port }: ListenAddress): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    throw cannot(`${host}:${port}`, cause);
  }
}

/** @throws SplitError `options-invalid`: another agent listens there, or the path is no place for a socket */
export async function listenOnSocket(app: FastifyInstance, path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
    throw cannot(path, `a socket's path has at most ${MAX_SOCKET_PATH_BYTES} bytes`);
  if (await answers(path)) throw cannot(path, 'another agent listens there');
  try {
    // What is left of an agent that was killed.
    await unlink(path).catch(() => undefined);
    await app.listen({ path });
    await chmod(path, SOCKET_MODE);
  } catch (cause) {
    throw cannot(path, cause);
  }
}

export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function cannot(place: string, cause: unknown): SplitError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SplitError('options-invalid', `cannot listen on ${place}: ${why}`, { cause });
}

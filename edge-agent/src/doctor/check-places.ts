/** Whether port and socket are free, or taken by this very agent. */
import { createServer } from 'node:net';
import { answers, MAX_SOCKET_PATH_BYTES } from '../api/listen.ts';
import { askAgent } from '../verbs/ask-agent.ts';
import type { Examination } from './examine.ts';
import { type Finding, failure, ok } from './finding.ts';

const ANSWER_MS = 2_000;

export async function checkPlaces(examination: Examination): Promise<readonly Finding[]> {
  const isOurs = examination.isRunning || (await isAgent(examination.config.socket));
  return [await checkPort(examination, isOurs), await checkSocket(examination, isOurs)];
}

async function checkPort({ config }: Examination, isOurs: boolean): Promise<Finding> {
  const { host, port } = config.listen;
  const place = `${host}:${port}`;
  if (isOurs) return ok('port', `${place}: the running agent's`);
  const code = await listenError(host, port);
  if (code === undefined) return ok('port', `${place} is free`);
  if (code === 'EADDRINUSE')
    return failure(
      'port',
      `${place} is taken by another program`,
      `end it (ss -ltnp shows it), or name another port with listen:`,
    );
  return failure('port', `${place}: ${code}`, 'name another address with listen:');
}

async function checkSocket({ config }: Examination, isOurs: boolean): Promise<Finding> {
  const path = config.socket;
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
    return failure(
      'socket',
      `${path} has ${Buffer.byteLength(path)} bytes; a socket's path has at most ${MAX_SOCKET_PATH_BYTES}`,
      'name a shorter one with socket:',
    );
  if (isOurs) return ok('socket', `${path}: the running agent's`);
  if (await answers(path))
    return failure('socket', `${path} is another program's`, 'end it, or name another path with socket:');
  return ok('socket', `${path} is free`);
}

async function isAgent(socket: string): Promise<boolean> {
  return askAgent(socket, { path: '/control/status', timeoutMs: ANSWER_MS }).then(
    () => true,
    () => false,
  );
}

function listenError(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

/** Asks the running agent over its Unix socket. */
import { request } from 'node:http';
import { isSplitError, SplitError, toErrorCode } from '@cutpoint/sdk';
import { answers } from '../api/listen.ts';

export interface Question {
  readonly path: string;
  /** A POST where there is one. */
  readonly body?: object;
  /** Longest wait for the answer; an update may take its time. @default none */
  readonly timeoutMs?: number;
}

/** @throws SplitError the agent's own, or `closed` where no agent runs */
export async function askAgent(socketPath: string, { path, body, timeoutMs }: Question): Promise<unknown> {
  if (!(await answers(socketPath)))
    throw new SplitError('closed', `no agent answers at ${socketPath}; start one with cutpoint-edge run`);
  const { status, text } = await send(socketPath, path, { body, timeoutMs });
  const reply: unknown = JSON.parse(text);
  if (status < 300) return reply;
  throw errorOf((reply as { error?: string }).error ?? `HTTP status ${status}`);
}

export function isNobodyThere(error: unknown): boolean {
  return isSplitError(error) && error.code === 'closed';
}

function send(
  socketPath: string,
  path: string,
  { body, timeoutMs = 0 }: { readonly body?: object | undefined; readonly timeoutMs?: number | undefined },
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = request({ socketPath, path, method: body ? 'POST' : 'GET', headers }, (reply) => {
      const pieces: Buffer[] = [];
      reply.on('data', (piece: Buffer) => pieces.push(piece));
      reply.once('error', reject);
      reply.once('end', () =>
        resolve({ status: reply.statusCode ?? 500, text: Buffer.concat(pieces).toString() }),
      );
    });
    sent.once('error', (cause) =>
      reject(new SplitError('internal', `the agent ended the talk: ${cause.message}`, { cause })),
    );
    sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.end(body && JSON.stringify(body));
  });
}

function errorOf(text: string): SplitError {
  const [code = '', ...rest] = text.split(': ');
  return new SplitError(toErrorCode(code), rest.length > 0 ? rest.join(': ') : text);
}

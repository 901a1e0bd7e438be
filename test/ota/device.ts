/** The agent's process with a local application that never stops asking, and whoever pulls its plug. */
import { type ChildProcess, fork } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import type { ChildMessage } from './agent-child.ts';
import { QUESTION } from './bundles.ts';

export interface Answer {
  readonly version: string;
  readonly data: readonly number[];
  readonly rows: number;
}

export interface Device {
  /** All answers so far, in the order in which they came. */
  readonly answers: Answer[];
  /** What went wrong while the process was there. */
  readonly errors: string[];
  send(message: ChildMessage): void;
  /** From now on asks with two rows each time, or with one most times. */
  askInPairs(only: boolean): void;
  /** Resolves when the process has ended. */
  readonly ended: Promise<unknown>;
  readonly isThere: boolean;
  start(): Promise<void>;
  /** Asks once, with so many rows. */
  ask(rows: number): Promise<Answer>;
  stop(): Promise<void>;
}

const CHILD = join(import.meta.dirname, 'agent-child.ts');
const ASK_EVERY_MS = 15;

export function createDevice(configPath: string): Device {
  const answers: Answer[] = [];
  const errors: string[] = [];
  let child: ChildProcess | undefined;
  /** The process, from its first answer to its end. */
  let up: ChildProcess | undefined;
  let url = '';
  let ended: Promise<unknown> = Promise.resolve();
  let onlyPairs = false;
  let isStopped = false;
  let asking: Promise<void> | undefined;

  async function start(): Promise<void> {
    const own = fork(CHILD, [configPath], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    child = own;
    ended = new Promise((resolve) => own.once('exit', (code, signal) => resolve(code ?? signal)));
    const ready = new Promise<string>((resolve) =>
      own.once('message', (message) => resolve((message as { url: string }).url)),
    );
    const early = ended.then((how) =>
      Promise.reject(new Error(`the agent ended with ${String(how)} before it answered`)),
    );
    early.catch(() => {});
    url = await Promise.race([ready, early]);
    up = own;
    void ended.then(() => {
      up = undefined;
    });
    asking ??= askOn();
  }

  async function askOn(): Promise<void> {
    for (let turn = 0; !isStopped; turn++) {
      const asked = up;
      try {
        answers.push(await ask(onlyPairs || turn % 4 === 3 ? 2 : 1));
      } catch (error) {
        // An answer that the power took with it is no error of the agent's; its end may be told later than the connection's.
        const isGone = asked === undefined || (await Promise.race([ended.then(() => true), pause(1_000)]));
        if (!isGone && !isStopped) errors.push(String(error));
      }
      await pause(ASK_EVERY_MS);
    }
  }

  async function ask(rows: number): Promise<Answer> {
    const values = [...(QUESTION.data as Float32Array)];
    const data = Array.from({ length: rows }, () => values).flat();
    const input = { name: 'input', datatype: 'FP32', shape: [rows, 3, 32, 32], data };
    const { status, text } = await post(`${url}/v2/models/net/infer`, JSON.stringify({ inputs: [input] }));
    if (status !== 200) throw new Error(`${status}: ${text}`);
    const reply = JSON.parse(text) as { model_version: string; outputs: { data: number[] }[] };
    return { version: reply.model_version, data: reply.outputs[0]?.data ?? [], rows };
  }

  return {
    answers,
    errors,
    askInPairs(only) {
      onlyPairs = only;
    },
    send: (message) => void child?.send(message),
    get ended() {
      return ended;
    },
    get isThere() {
      return child?.exitCode === null && child.signalCode === null;
    },
    start,
    ask,
    async stop() {
      isStopped = true;
      await asking;
      child?.kill('SIGKILL');
      await ended;
    },
  };
}

function pause(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms));
}

/** On a connection of its own: none is left half open by a process that was killed. */
function post(url: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', connection: 'close' };
    const sent = request(url, { method: 'POST', headers, agent: false }, (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      reply.once('end', () => resolve({ status: reply.statusCode ?? 0, text }));
      reply.once('error', reject);
    });
    sent.once('error', reject);
    sent.setTimeout(60_000, () => sent.destroy(new Error('no answer within a minute')));
    sent.end(body);
  });
}

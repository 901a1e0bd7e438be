/** The processes of the sample: a gateway with its broker, and an edge that reaches it through the emulated link. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EdgeCommand, EdgeMessage } from './edge.ts';
import { modelPaths } from './models.ts';

export interface GatewayProcess {
  /** `mqtt://127.0.0.1:PORT` of the broker inside the gateway. */
  readonly broker: string;
  /** The same for pages, `ws://127.0.0.1:PORT`. */
  readonly webSocket: string;
  /** Its own pages and those that it was given; absent without. */
  readonly http?: string | undefined;
  /** SIGTERM: it drains and goes. */
  stop(): Promise<void>;
}

export interface EdgeProcess {
  /** The next message that is not a failure. @throws Error with the edge's words when it fails or ends */
  next(): Promise<Exclude<EdgeMessage, { failed: string }>>;
  send(command: EdgeCommand): void;
  stop(): Promise<void>;
}

/** The folder that a gateway serves: one folder a model, with the shapes at which cuts are chosen and timed. */
export async function makeModelFolder(shapes: {
  readonly detector: readonly number[];
  readonly recogniser: readonly number[];
}) {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-ocr-'));
  const paths = modelPaths();
  for (const name of ['detector', 'recogniser'] as const) {
    const place = join(folder, `ocr-${name}`);
    await mkdir(place);
    await copyFile(paths[name], join(place, 'model.onnx'));
    await writeFile(join(place, 'cutpoint.json'), JSON.stringify({ inputs: { x: shapes[name] } }));
  }
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** @param more further options of its command line */
export async function startGateway(
  modelFolder: string,
  more: readonly string[] = [],
): Promise<GatewayProcess> {
  // The program as it is published: its folder holds the sources here, and dist/ once it is built.
  const home = dirname(createRequire(import.meta.url).resolve('@cutpoint/cloud-gateway/package.json'));
  const args = [
    join(home, 'src/main.ts'),
    '--models',
    modelFolder,
    '--listen',
    '127.0.0.1:0',
    '--web-socket',
    '127.0.0.1:0',
    '--log-level',
    'warn',
    ...more,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await firstLine(child);
  const { broker, webSocket, http } = JSON.parse(line) as Omit<GatewayProcess, 'stop'>;
  return { broker, webSocket, http, stop: () => end(child) };
}

export function startEdge(args: readonly string[]): EdgeProcess {
  const child = fork(join(import.meta.dirname, 'edge.ts'), args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return {
    next: () => nextMessage(child),
    send: (command) => void child.send(command),
    stop: () => end(child),
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`the gateway ended with code ${code} before it was ready`)),
    );
    if (child.stdout) createInterface({ input: child.stdout }).once('line', resolve);
  });
}

function nextMessage(child: ChildProcess): Promise<Exclude<EdgeMessage, { failed: string }>> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the edge ended with code ${code}`));
    child.once('exit', ended);
    child.once('message', (message: EdgeMessage) => {
      child.off('exit', ended);
      if ('failed' in message) reject(new Error(message.failed));
      else resolve(message);
    });
  });
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

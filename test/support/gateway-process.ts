/** A folder of models, the real gateway program over it, and a device that sends raw requests to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '@cutpoint/sdk';
import { connectMqtt, createRequestClient, type RequestClient } from '@cutpoint/sdk/testing';

export interface ModelFolder {
  readonly path: string;
  /** Path of a model's file in the folder. */
  model(name: string): string;
  /** @param model bytes of the file, or the path to copy it from. @param settings its cutpoint.json, if it has one */
  add(name: string, model: Uint8Array | string, settings?: object): Promise<void>;
  remove(): Promise<void>;
}

export interface ModelOfFolder {
  readonly model: Uint8Array | string;
  /** Shapes at which its tails are timed. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
}

export async function makeModelFolder(
  models: Readonly<Record<string, ModelOfFolder>> = {},
): Promise<ModelFolder> {
  const path = await mkdtemp(join(tmpdir(), 'cutpoint-models-'));
  const folder: ModelFolder = {
    path,
    model: (name) => join(path, name, 'model.onnx'),
    add: (name, model, settings) => addModel(join(path, name), model, settings),
    remove: () => rm(path, { recursive: true, force: true }),
  };
  for (const [name, { model, inputs }] of Object.entries(models)) await folder.add(name, model, { inputs });
  return folder;
}

async function addModel(folder: string, model: Uint8Array | string, settings?: object): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'model.onnx');
  await (typeof model === 'string' ? cp(model, file) : writeFile(file, model));
  if (settings !== undefined) await writeFile(join(folder, 'cutpoint.json'), JSON.stringify(settings));
}

/** The line that the gateway prints when it serves. */
export interface ReadyLine {
  readonly broker: string;
  /** With `--web-socket`. */
  readonly webSocket?: string;
  readonly http?: string;
  readonly gateway: string;
  readonly models: readonly string[];
}

export interface SpawnedGateway {
  readonly child: ChildProcess;
  /** Rejects, with what it wrote to stderr, when the process ends without its line. */
  readonly ready: Promise<ReadyLine>;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

const FROM_SOURCE = resolve(import.meta.dirname, '../../cloud-gateway/src/main.ts');

export interface SpawnOptions {
  /** Path of the gateway's main file. @default the one in this repository, from source */
  readonly program?: string;
  /** @default this process's */
  readonly env?: NodeJS.ProcessEnv;
  /** Flags for Node. @default none */
  readonly nodeOptions?: readonly string[];
}

export function spawnGateway(args: readonly string[], options: SpawnOptions = {}): SpawnedGateway {
  const { program = FROM_SOURCE, env = process.env, nodeOptions = [] } = options;
  const child = spawn(process.execPath, [...nodeOptions, program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { CUTPOINT_LOG_LEVEL: 'warn', ...env },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<number | string>((resolveEnd) => {
    child.once('close', (code, signal) => resolveEnd(code ?? signal ?? 'unknown'));
  });
  const line = new Promise<string>((resolveLine) => createInterface(child.stdout).once('line', resolveLine));
  const failed = ended.then((how) => Promise.reject(new Error(`the gateway ended with ${how}: ${errors}`)));
  const ready = Promise.race([line.then((text) => JSON.parse(text) as ReadyLine), failed]);
  failed.catch(() => {}); // It ends some time; only a wait for `ready` may fail by that.
  ready.catch(() => {});
  return { child, ready, ended };
}

export interface GatewayProcess extends ReadyLine {
  readonly pid: number;
  /** Sends the signal and waits for the end: the exit code, `null` where a signal ended it. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts the program and waits until it says that it is ready. */
export async function startGatewayProcess(
  args: readonly string[],
  options?: SpawnOptions,
): Promise<GatewayProcess> {
  const { child, ready, ended } = spawnGateway(args, options);
  const line = await ready;
  return {
    ...line,
    pid: child.pid as number,
    async kill(signal) {
      child.kill(signal);
      const how = await ended;
      return typeof how === 'number' ? how : null;
    },
  };
}

export interface Device {
  readonly client: RequestClient;
  close(): Promise<void>;
}

export async function connectDevice(broker: string): Promise<Device> {
  const transport = await connectMqtt({ url: broker });
  const randomId = () => randomBytes(12).toString('hex');
  const client = createRequestClient({ transport, deviceId: randomId(), clock: systemClock(), randomId });
  await client.start();
  return {
    client,
    async close() {
      await client.close();
      await transport.close();
    },
  };
}

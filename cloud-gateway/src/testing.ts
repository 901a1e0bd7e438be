/** For tests: a folder of models, a gateway as a process of its own, and a device that sends raw requests to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@cutpoint/sdk';
import { connectMqtt, createRequestClient, type RequestClient } from '@cutpoint/sdk/testing';

export interface ModelDirectory {
  readonly path: string;
  add(name: string, model: Uint8Array, settings?: object): Promise<void>;
  remove(): Promise<void>;
}

export async function makeModelDirectory(): Promise<ModelDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'cutpoint-gateway-'));
  return {
    path,
    async add(name, model, settings) {
      await mkdir(join(path, name), { recursive: true });
      await writeFile(join(path, name, 'model.onnx'), model);
      if (settings !== undefined)
        await writeFile(join(path, name, 'cutpoint.json'), JSON.stringify(settings));
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

export interface GatewayProcess {
  readonly child: ChildProcess;
  /** The line on stdout; rejects when the process ends without one. */
  readonly ready: Promise<{
    readonly broker: string;
    readonly gateway: string;
    readonly models: readonly string[];
  }>;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** What it wrote to stderr so far. */
  errors(): string;
}

/** The real program, from source. */
export function spawnGateway(args: readonly string[]): GatewayProcess {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, '--log-level', 'warn', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  const line = new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve));
  const failed = ended.then((how) => Promise.reject(new Error(`the gateway ended with ${how}: ${errors}`)));
  const ready = Promise.race([line.then((text) => JSON.parse(text)), failed]);
  failed.catch(() => {}); // It ends some time; only a wait for `ready` may fail by that.
  ready.catch(() => {});
  return { child, ready, ended, errors: () => errors };
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

/** A real gateway process over a folder of models, for tests that kill things. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface GatewayProcess {
  readonly broker: string;
  readonly pid: number;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

export interface ModelFolder {
  readonly path: string;
  /** Path of a model's file in the folder. */
  model(name: string): string;
  remove(): Promise<void>;
}

const PROGRAM = resolve(import.meta.dirname, '../../cloud-gateway/src/main.ts');

/** @param models bytes or path of each model, and the shapes at which its tails are timed */
export async function makeModelFolder(
  models: Readonly<Record<string, { readonly model: Uint8Array | string; readonly inputs: Readonly<Record<string, readonly number[]>> }>>,
): Promise<ModelFolder> {
  const path = await mkdtemp(join(tmpdir(), 'cutpoint-models-'));
  for (const [name, { model, inputs }] of Object.entries(models)) {
    await mkdir(join(path, name));
    const file = join(path, name, 'model.onnx');
    if (typeof model === 'string') await cp(model, file);
    else await writeFile(file, model);
    await writeFile(join(path, name, 'cutpoint.json'), JSON.stringify({ inputs }));
  }
  return {
    path,
    model: (name) => join(path, name, 'model.onnx'),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

/** Starts the program and waits until it says that it is ready. */
export async function startGatewayProcess(args: readonly string[]): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [PROGRAM, '--log-level', 'error', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ready = JSON.parse(await firstLine(child)) as { broker: string };
  return {
    broker: ready.broker,
    pid: child.pid as number,
    kill: (signal) => end(child, signal),
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolveLine, reject) => {
    child.once('exit', (code) => reject(new Error(`the gateway ended with code ${code} before it was ready`)));
    if (child.stdout) createInterface({ input: child.stdout }).once('line', resolveLine);
  });
}

/** The exit code, `null` where a signal ended it. */
function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolveCode) => {
    child.once('exit', (code) => resolveCode(code));
    child.kill(signal);
  });
}

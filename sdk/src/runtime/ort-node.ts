/** The Runtime adapter for Node: onnxruntime-node in one worker thread, so that the caller's thread stays free. */
import { availableParallelism } from 'node:os';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SplitError } from '../errors.ts';
import type { Tensors } from '../tensor.ts';
import { nodeWorkerPort } from './node-worker.ts';
import type { ReadyReply, WorkerSettings } from './ort-messages.ts';
import type { Runtime, RuntimeModel } from './runtime.ts';
import { createWorkerCalls, type WorkerCalls } from './worker-calls.ts';
import { copyTensor, createWorkerRuntime, type Stop } from './worker-runtime.ts';

/** By ONNX Runtime's names; which ones there are depends on how onnxruntime-node was built. */
export type OrtProvider = 'cpu' | 'cuda' | 'tensorrt' | 'webgpu' | 'dml' | 'coreml' | (string & {});

export interface OrtNodeOptions {
  /** Threads inside one operator, 1 to 256. @default the processors that this process may use, at most 8 */
  readonly threads?: number;
  /** The one execution provider of all models. Nothing falls back in silence. @default 'cpu' */
  readonly provider?: OrtProvider;
  /** Which graphics processor, from 0; for `cuda` and `tensorrt`. @default 0 */
  readonly deviceId?: number;
  /** Another build of onnxruntime-node: an absolute path or a package name. @default 'onnxruntime-node' */
  readonly modulePath?: string;
  /**
   * Whether each session on the CPU keeps the memory that its runs needed for the next ones. Without, sessions share what the
   * process has, and runs take a little longer. @default true
   */
  readonly memoryArena?: boolean;
}

const MAX_DEFAULT_THREADS = 8;
const MAX_THREADS = 256;

/**
 * Starts the worker thread and ONNX Runtime in it. Calls are served one at a time, in order.
 * The thread does not keep an idle process alive; ending the process during a run (`process.exit`) can abort it.
 * Shapes are as ONNX Runtime reports them: it says `[]` both for a scalar and for an unknown rank.
 * @throws SplitError `options-invalid`, or `provider-unavailable` when onnxruntime-node is not installed
 */
export async function createOrtNode(options: OrtNodeOptions = {}): Promise<Runtime> {
  const settings = resolveSettings(options);
  keepToYourself();
  // Without the program's own flags: some, such as --input-type, would stop a worker from starting.
  const worker = new Worker(workerUrl(), { workerData: settings, execArgv: [] });
  const calls = createWorkerCalls(nodeWorkerPort(worker));
  const { version } = (await calls.ready) as ReadyReply;
  const threads = `${settings.threads} thread${settings.threads === 1 ? '' : 's'}`;
  const description = `onnxruntime-node ${version} ${settings.provider}, ${threads}`;
  const runtime = createWorkerRuntime({ calls, description, provider: settings.provider, makeStop });
  return Object.assign(runtime, { profile: profileOf(calls) });
}

/** ONNX Runtime 1.30 and later send reports of their use to their maker, unless this says otherwise. Who wants that sets it to `0`. */
function keepToYourself(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
}

/** A flag that both threads see: the worker's own is busy while a model runs, and reads no messages. */
function makeStop(): Stop {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  return { handle: flag, fire: () => Atomics.store(flag, 0, 1) };
}

function profileOf(calls: WorkerCalls): NonNullable<Runtime['profile']> {
  return async ({ bytes, directory, optimization = 'all' }: RuntimeModel, given: Tensors) => {
    const feeds = Object.entries(given).map(([name, tensor]) => [name, copyTensor(tensor)] as const);
    const reply = calls.call({ kind: 'profile', bytes, directory, optimization, feeds });
    return (await reply) as Readonly<Record<string, number>>;
  };
}

function resolveSettings(options: OrtNodeOptions): WorkerSettings {
  const { threads = Math.min(availableParallelism(), MAX_DEFAULT_THREADS), provider = 'cpu' } = options;
  const { modulePath = 'onnxruntime-node', deviceId, memoryArena = true } = options;
  if (deviceId !== undefined && !(Number.isInteger(deviceId) && deviceId >= 0))
    throw new SplitError('options-invalid', `deviceId is ${deviceId}; it must be a whole number from 0`);
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new SplitError(
      'options-invalid',
      `threads is ${threads}; it must be a whole number from 1 to ${MAX_THREADS}`,
    );
  }
  const module = isAbsolute(modulePath) ? pathToFileURL(modulePath).href : modulePath;
  return { threads, provider, module, deviceId, memoryArena };
}

/** The worker's file beside this one, as source or as built. */
function workerUrl(): URL {
  const isSource = import.meta.url.endsWith('.ts');
  return new URL(isSource ? './ort-worker.ts' : './ort-worker.js', import.meta.url);
}

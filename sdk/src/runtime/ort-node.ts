/** The Runtime adapter for Node: onnxruntime-node in one worker thread, so that the caller's thread stays free. */
import { availableParallelism } from 'node:os';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SplitError } from '../errors.ts';
import type { Tensor, Tensors } from '../tensor.ts';
import { tensorBytes, tensorFromBytes } from '../tensor.ts';
import type { LoadReply, NamedTensor, ReadyReply, RunReply, WorkerSettings } from './ort-messages.ts';
import type { PlannedModel } from './run-plan.ts';
import { planRun } from './run-plan.ts';
import type { LoadedModel, RunRequest, RunResult, Runtime, RuntimeModel } from './runtime.ts';
import type { WorkerCalls } from './worker-calls.ts';
import { createWorkerCalls } from './worker-calls.ts';

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
  // Without the program's own flags: some, such as --input-type, would stop a worker from starting.
  const worker = new Worker(workerUrl(), { workerData: settings, execArgv: [] });
  const calls = createWorkerCalls(worker);
  const { version } = (await calls.ready) as ReadyReply;
  const threads = `${settings.threads} thread${settings.threads === 1 ? '' : 's'}`;
  const description = `onnxruntime-node ${version} ${settings.provider}, ${threads}`;
  return createRuntime(calls, { description, provider: settings.provider });
}

function createRuntime(calls: WorkerCalls, about: Pick<Runtime, 'description' | 'provider'>): Runtime {
  const models = new WeakMap<LoadedModel, PlannedModel>();
  let closing: Promise<void> | undefined;

  async function load(model: RuntimeModel): Promise<LoadedModel> {
    refuseWhenClosed();
    // A copy of just these bytes, handed over: a plain post would copy the whole buffer under the view.
    const bytes = new Uint8Array(model.bytes);
    const { directory, optimization = 'all' } = model;
    const reply = calls.call({ kind: 'load', bytes, directory, optimization }, [bytes.buffer]);
    const planned = (await reply) as LoadReply;
    const loaded = { inputs: planned.inputs, outputs: planned.outputs, release: () => release(loaded) };
    models.set(loaded, planned);
    return loaded;
  }

  async function release(loaded: LoadedModel): Promise<void> {
    const planned = models.get(loaded);
    models.delete(loaded);
    // A closed runtime has released all its models already.
    if (planned !== undefined && closing === undefined)
      await calls.call({ kind: 'release', model: planned.model });
  }

  async function run(request: RunRequest): Promise<RunResult> {
    refuseWhenClosed();
    if (request.signal?.aborted) throw aborted(request.signal);
    const { feeds, fetches } = request;
    const plan = planRun(request.models.map(find), feeds, fetches);
    const own = plan.fed.map((name) => [name, feedOf(feeds, name)] as const);
    if (plan.steps.length === 0) return { values: Object.fromEntries(own), stepMs: [] };
    const give = request.handsOver ? takeTensor : copyTensor;
    const sent = plan.feeds.map((name) => [name, give(feedOf(feeds, name))] as const);
    const abortFlag = new Int32Array(new SharedArrayBuffer(4));
    const reply = calls.call({ kind: 'run', steps: plan.steps, feeds: sent, fetches: plan.made, abortFlag }, [
      ...new Set(sent.map(([, tensor]) => tensor.data.buffer as ArrayBuffer)),
    ]);
    const { values, stepMs } = (await untilAborted(reply, abortFlag, request.signal)) as RunReply;
    return { values: Object.fromEntries<Tensor>([...own, ...values] as NamedTensor[]), stepMs };
  }

  async function profile(model: RuntimeModel, given: Tensors): Promise<Readonly<Record<string, number>>> {
    refuseWhenClosed();
    const { directory, optimization = 'all' } = model;
    const feeds = Object.entries(given).map(([name, tensor]) => [name, copyTensor(tensor)] as const);
    const reply = calls.call({ kind: 'profile', bytes: model.bytes, directory, optimization, feeds });
    return (await reply) as Readonly<Record<string, number>>;
  }

  function find(loaded: LoadedModel): PlannedModel {
    const planned = models.get(loaded);
    if (planned === undefined)
      throw new SplitError('closed', 'a model was released, or belongs to another runtime');
    return planned;
  }

  function refuseWhenClosed(): void {
    if (closing !== undefined) throw new SplitError('closed', 'the runtime was closed');
  }

  function close(): Promise<void> {
    closing ??= calls.end();
    return closing;
  }

  return {
    ...about,
    get hasFailed() {
      return calls.hasFailed;
    },
    load,
    run,
    profile,
    close,
  };
}

/** Rejects as soon as the signal fires; the worker sees the flag before its next model and stops. */
function untilAborted(reply: Promise<unknown>, flag: Int32Array, signal?: AbortSignal): Promise<unknown> {
  if (signal === undefined) return reply;
  return new Promise((resolve, reject) => {
    const stop = () => {
      Atomics.store(flag, 0, 1);
      reject(aborted(signal));
    };
    signal.addEventListener('abort', stop, { once: true });
    reply.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function aborted(signal: AbortSignal): SplitError {
  return new SplitError('aborted', 'the signal fired before the run ended', { cause: signal.reason });
}

function feedOf(feeds: Tensors, name: string): Tensor {
  const tensor = feeds[name];
  if (tensor === undefined) throw new SplitError('runtime-failed', `feed "${name}" is undefined`);
  return tensor;
}

/** The caller keeps its arrays: one copy is made here, and handed over to the worker. */
function copyTensor(tensor: Tensor): Tensor {
  return tensorFromBytes(tensor.type, [...tensor.dims], tensorBytes(tensor).slice());
}

/** Memory that is the tensor's alone is handed over as it is. */
function takeTensor(tensor: Tensor): Tensor {
  const { buffer, byteLength } = tensor.data;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? tensor : copyTensor(tensor);
}

function resolveSettings(options: OrtNodeOptions): WorkerSettings {
  const { threads = Math.min(availableParallelism(), MAX_DEFAULT_THREADS), provider = 'cpu' } = options;
  const { modulePath = 'onnxruntime-node', deviceId } = options;
  if (deviceId !== undefined && !(Number.isInteger(deviceId) && deviceId >= 0))
    throw new SplitError('options-invalid', `deviceId is ${deviceId}; it must be a whole number from 0`);
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new SplitError(
      'options-invalid',
      `threads is ${threads}; it must be a whole number from 1 to ${MAX_THREADS}`,
    );
  }
  const module = isAbsolute(modulePath) ? pathToFileURL(modulePath).href : modulePath;
  return { threads, provider, module, deviceId };
}

/** The worker's file beside this one, as source or as built. */
function workerUrl(): URL {
  const isSource = import.meta.url.endsWith('.ts');
  return new URL(isSource ? './ort-worker.ts' : './ort-worker.js', import.meta.url);
}

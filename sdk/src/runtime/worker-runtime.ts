/** The Runtime port over a worker that holds ONNX Runtime: what Node's adapter and that of pages have in common. */
import { SplitError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { tensorBytes, tensorFromBytes } from '../tensor.ts';
import { type Feed, type Feeds, isPieced, wholeTensor } from './feeds.ts';
import type { LoadReply, NamedTensor, RunReply, StopHandle } from './ort-messages.ts';
import type { PlannedModel } from './run-plan.ts';
import { planRun } from './run-plan.ts';
import type { LoadedModel, RunRequest, RunResult, Runtime, RuntimeModel } from './runtime.ts';
import type { WorkerCalls } from './worker-calls.ts';

/** How a run is told to stop: the worker looks for it before each model. */
export interface Stop {
  /** Travels with the run. */
  readonly handle: StopHandle;
  fire(): void;
}

export interface WorkerRuntimeOptions {
  readonly calls: WorkerCalls;
  readonly description: string;
  readonly provider: string;
  readonly makeStop: () => Stop;
}

/** Calls are served one at a time, in order. */
export function createWorkerRuntime({ calls, makeStop, ...about }: WorkerRuntimeOptions): Runtime {
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
    const own = plan.fed.map((name) => [name, wholeTensor(feedOf(feeds, name))] as const);
    if (plan.steps.length === 0) return { values: Object.fromEntries(own), stepMs: [] };
    const give = request.handsOver ? takeTensor : copyTensor;
    const sent = plan.feeds.map((name) => [name, give(feedOf(feeds, name))] as const);
    const stop = makeStop();
    const call = {
      kind: 'run',
      steps: plan.steps,
      feeds: sent,
      fetches: plan.made,
      stop: stop.handle,
    } as const;
    const buffers = new Set(sent.flatMap(([, { data }]) => (isShared(data.buffer) ? [] : [data.buffer])));
    const reply = calls.call(call, [...buffers]);
    const { values, stepMs } = (await untilAborted(reply, stop, request.signal)) as RunReply;
    return { values: Object.fromEntries<Tensor>([...own, ...values] as NamedTensor[]), stepMs };
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
    close,
  };
}

/** Rejects as soon as the signal fires; the worker sees it before its next model and stops. */
function untilAborted(reply: Promise<unknown>, stop: Stop, signal?: AbortSignal): Promise<unknown> {
  if (signal === undefined) return reply;
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      stop.fire();
      reject(aborted(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    reply.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function aborted(signal: AbortSignal): SplitError {
  return new SplitError('aborted', 'the signal fired before the run ended', { cause: signal.reason });
}

function feedOf(feeds: Feeds, name: string): Feed {
  const tensor = feeds[name];
  if (tensor === undefined) throw new SplitError('runtime-failed', `feed "${name}" is undefined`);
  return tensor;
}

/** The caller keeps its arrays: one copy is made here, and handed over to the worker. */
export function copyTensor(feed: Feed): Tensor {
  if (isPieced(feed)) return wholeTensor(feed);
  const tensor = feed;
  return tensorFromBytes(tensor.type, [...tensor.dims], tensorBytes(tensor).slice());
}

/** Memory that is the tensor's alone, or that threads share, is handed over as it is. */
function takeTensor(feed: Feed): Tensor {
  if (isPieced(feed)) return wholeTensor(feed);
  const { buffer, byteLength } = feed.data;
  return isShared(buffer) || buffer.byteLength === byteLength ? feed : copyTensor(feed);
}

/** By its name: pages that are not isolated have no such class. */
function isShared(buffer: ArrayBufferLike): buffer is SharedArrayBuffer {
  return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]';
}

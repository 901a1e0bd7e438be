/** A page's end of a session that lives in a worker: the SplitSession interface over messages. */
import { Tensor as OrtTensor } from 'onnxruntime-common';
import { asSplitError, SplitError } from '../errors.ts';
import { createEmitter } from '../session/emitter.ts';
import type { SessionEvents } from '../session/journal.ts';
import {
  type Fetches,
  type ImageInput,
  type RunArguments,
  type RunOptions,
  readRunArguments,
} from '../session/run-arguments.ts';
import type { SplitSession, ValueMetadata } from '../session/split-session.ts';
import type { Trace } from '../session/trace.ts';
import { type Tensor, type TensorInfo, type Tensors, tensorBytes, tensorFromBytes } from '../tensor.ts';
import type {
  FromSession,
  NamedTensor,
  OpenMessage,
  RunMessageOptions,
  SessionFacts,
  SessionState,
  ToSession,
  WireError,
} from './messages.ts';

type Answer = Extract<FromSession, { kind: 'answer' }>;

interface Waiting {
  readonly options: RunOptions;
  /** Ends listening for the caller's signal. */
  forgetSignal(): void;
  resolve(answer: Answer): void;
  reject(error: SplitError): void;
}

/** @throws SplitError what createSplitSession throws, `provider-unavailable` where the worker's file is missing */
export function openRemoteSession(worker: Worker, message: OpenMessage): Promise<SplitSession> {
  return new Promise((resolve, reject) => {
    const fail = (error: SplitError) => {
      worker.terminate();
      reject(error);
    };
    worker.onmessage = ({ data }: MessageEvent<FromSession>) => {
      if (data.kind === 'opened') resolve(remoteSession(worker, data.facts, data.state));
      else if (data.kind === 'failed') fail(fromWire(data.error));
    };
    worker.onerror = (event) => {
      const what = event.message || 'it could not be loaded';
      const text = `the session's worker ${message.assets.session} failed: ${what}; \`npx cutpoint copy-assets DIR\` puts the files in place`;
      fail(new SplitError('provider-unavailable', text));
    };
    const isOwn = 'bytes' in message.model;
    worker.postMessage(message, isOwn ? [message.model.bytes.buffer as ArrayBuffer] : []);
  });
}

function remoteSession(worker: Worker, facts: SessionFacts, first: SessionState): SplitSession {
  const emitter = createEmitter<SessionEvents>();
  const waiting = new Map<number, Waiting>();
  const signature = { inputs: facts.inputMetadata.map(toInfo), outputs: facts.outputMetadata.map(toInfo) };
  let state = first;
  let lastTrace: Trace | undefined;
  let nextId = 1;
  let released: Promise<void> | undefined;
  let onReleased = () => {};
  const post = (message: ToSession, transfer: ArrayBuffer[] = []) => worker.postMessage(message, transfer);

  worker.onmessage = ({ data }: MessageEvent<FromSession>) => {
    if ('state' in data) state = data.state;
    if (data.kind === 'answer') settle(data.id)?.resolve(data);
    else if (data.kind === 'refused') settle(data.id)?.reject(fromWire(data.error));
    else if (data.kind === 'cut-change') emitter.emit('cut-change', data.event);
    else if (data.kind === 'released') onReleased();
    else if (data.kind === 'want-image') void giveImage(data.ask, waiting.get(data.id)?.options, data.name);
  };
  worker.onerror = (event) => {
    for (const id of [...waiting.keys()])
      settle(id)?.reject(new SplitError('internal', `the session's worker failed: ${event.message}`));
  };

  function settle(id: number): Waiting | undefined {
    const run = waiting.get(id);
    waiting.delete(id);
    run?.forgetSignal();
    return run;
  }

  async function run(feeds: Tensors, second?: Fetches | RunOptions, third?: RunOptions) {
    if (released) throw new SplitError('closed', 'run after release');
    const args = readRunArguments(signature, feeds, second, third);
    const { outputs, trace } = await send(args);
    lastTrace = trace;
    args.options.onTrace?.(trace);
    return Object.fromEntries(outputs.map(([name, tensor]) => [name, toOrtTensor(tensor)]));
  }

  function send({ feeds, fetches, options }: RunArguments): Promise<Answer> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(aborted(signal));
    const id = nextId++;
    const answer = new Promise<Answer>((resolve, reject) => {
      const stop = () => post({ kind: 'abort', id });
      const forgetSignal = () => signal?.removeEventListener('abort', stop);
      waiting.set(id, { options, forgetSignal, resolve, reject });
      signal?.addEventListener('abort', stop, { once: true });
    });
    const own = Object.entries(feeds).map(([name, tensor]) => [name, copyTensor(tensor)] as const);
    post({ kind: 'run', id, feeds: own, fetches, options: toMessage(options) }, buffersOf(own));
    return answer;
  }

  async function giveImage(ask: number, options: RunOptions | undefined, name: string): Promise<void> {
    try {
      const file = options?.images?.[name]?.file;
      if (file === undefined) throw new SplitError('internal', `no file for input ${name} is left`);
      const bytes = Uint8Array.from(typeof file === 'function' ? await file() : file);
      post({ kind: 'image', ask, file: bytes }, [bytes.buffer]);
    } catch (error) {
      const { code, message } = asSplitError(error);
      post({ kind: 'image', ask, file: { code, message } });
    }
  }

  function release(): Promise<void> {
    released ??= new Promise<void>((resolve) => {
      onReleased = () => {
        worker.terminate();
        resolve();
      };
      post({ kind: 'release' });
    });
    return released;
  }

  return {
    inputNames: facts.inputMetadata.map(({ name }) => name),
    outputNames: facts.outputMetadata.map(({ name }) => name),
    ...facts,
    // A head's weights lie in a file beside it, which a page's runtime does not read.
    head: undefined,
    predictions: () => state.predictions,
    stats: () => state.stats,
    on: emitter.on,
    get lastTrace() {
      return lastTrace;
    },
    run,
    release,
    [Symbol.asyncDispose]: release,
  };
}

/** Functions stay here: the worker asks for what they would give. */
function toMessage({ deadlineMs, inputs, arm, images }: RunOptions): RunMessageOptions {
  return {
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(inputs !== undefined && { inputs }),
    ...(arm !== undefined && { arm }),
    ...(images && {
      images: Object.fromEntries(Object.entries(images).map(([name, image]) => [name, toRemote(image)])),
    }),
  };
}

function toRemote({ mean, std, file }: ImageInput) {
  return { mean, std, ...(typeof file !== 'function' && { file }) };
}

/** The caller keeps its arrays: one copy is made here, and handed over. */
function copyTensor(tensor: Tensor): Tensor {
  return tensorFromBytes(tensor.type, [...tensor.dims], tensorBytes(tensor).slice());
}

function buffersOf(tensors: readonly NamedTensor[]): ArrayBuffer[] {
  return tensors.map(([, { data }]) => data.buffer as ArrayBuffer);
}

/** Of a shape `[]` nobody knows here whether it is a scalar's; the worker does, and checks again. */
function toInfo({ name, type, shape }: ValueMetadata): TensorInfo {
  return { name, type, shape: shape.length === 0 ? null : shape };
}

function toOrtTensor({ type, data, dims }: Tensor): OrtTensor {
  return new OrtTensor(type, data as OrtTensor.DataType & Float32Array, dims) as OrtTensor;
}

function aborted(signal: AbortSignal): SplitError {
  return new SplitError('aborted', 'the caller stopped the run', { cause: signal.reason });
}

function fromWire({ code, message }: WireError): SplitError {
  return new SplitError(code, message);
}

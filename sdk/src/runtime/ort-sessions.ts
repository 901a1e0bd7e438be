/** The sessions that live inside the worker: load, run over a pool of named values, release. */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';
import { SplitError } from '../errors.ts';
import type { Tensor, TensorInfo, TensorType } from '../tensor.ts';
import { TENSOR_TYPES, tensorFromBytes } from '../tensor.ts';
import { toCallError } from './ort-errors.ts';
import type {
  LoadCall,
  LoadReply,
  NamedTensor,
  ProfileCall,
  ReplyMessage,
  RunCall,
  RunReply,
  StopHandle,
  WorkerCall,
} from './ort-messages.ts';
import { createSessionRun, type RunSession } from './shared-feeds.ts';

/** The part of ONNX Runtime that is used here, in Node and in pages. */
export type Ort = Pick<typeof import('onnxruntime-common'), 'env' | 'InferenceSession' | 'Tensor'>;

/** What differs between the workers. */
export interface SessionsHost {
  readonly ort: Ort;
  sessionOptions(call: Omit<LoadCall, 'kind'>): InferenceSession.SessionOptions;
  /** Asked before each model. */
  isStopped(stop: StopHandle): boolean | Promise<boolean>;
  /** Gives the memory of tensors back at once that nobody reads any more. Without it a collection does, some day. */
  discard?(tensors: readonly OrtTensor[]): void;
  /** Where ONNX Runtime can write its profile. */
  profile?(call: ProfileCall): Promise<Readonly<Record<string, number>>>;
}

export interface OrtSessions {
  load(call: LoadCall): Promise<LoadReply>;
  run(call: RunCall): Promise<RunReply>;
  profile(call: ProfileCall): Promise<Readonly<Record<string, number>>>;
  release(model: number): Promise<void>;
  releaseAll(): Promise<void>;
}

export function createOrtSessions(host: SessionsHost): OrtSessions {
  const { ort, sessionOptions, isStopped } = host;
  const runSession = createSessionRun(ort);
  const sessions = new Map<number, InferenceSession>();
  let nextModel = 1;

  async function load(call: LoadCall): Promise<LoadReply> {
    const session = await ort.InferenceSession.create(call.bytes, sessionOptions(call));
    try {
      const inputs = session.inputMetadata.map(toInputInfo);
      const outputs = session.outputMetadata.flatMap(toOutputInfo);
      const model = nextModel++;
      sessions.set(model, session);
      return { model, inputs, outputs };
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  async function run({ steps, feeds, fetches, stop }: RunCall): Promise<RunReply> {
    const pool = new Map(feeds.map(([name, tensor]) => [name, toOrt(ort, tensor)]));
    const stepMs: number[] = [];
    for (const [place, { model, takes, gives }] of steps.entries()) {
      if (await isStopped(stop)) throw new SplitError('aborted', 'the signal fired during the run');
      const session = sessions.get(model);
      if (session === undefined) throw new SplitError('closed', `model ${model} was released`);
      stepMs.push(await runStep((feeds) => runSession(session, feeds, gives), pool, takes, gives));
      const later = new Set([...fetches, ...steps.slice(place + 1).flatMap((step) => step.takes)]);
      host.discard?.(takes.filter((name) => !later.has(name)).map((name) => take(pool, name)));
    }
    return { values: fetches.map((name) => [name, fromOrt(take(pool, name))] as const), stepMs };
  }

  function profile(call: ProfileCall): Promise<Readonly<Record<string, number>>> {
    if (host.profile) return host.profile(call);
    throw new SplitError('runtime-failed', 'there is no profile of ONNX Runtime here');
  }

  async function release(model: number): Promise<void> {
    const session = sessions.get(model);
    sessions.delete(model);
    await session?.release();
  }

  async function releaseAll(): Promise<void> {
    for (const model of [...sessions.keys()]) await release(model);
  }

  return { load, run, profile, release, releaseAll };
}

async function runStep(
  run: (feeds: Parameters<RunSession>[1]) => ReturnType<RunSession>,
  pool: Map<string, OrtTensor>,
  takes: readonly string[],
  gives: readonly string[],
): Promise<number> {
  // No prototype: a tensor may be called anything.
  const feeds: Record<string, OrtTensor> = Object.create(null);
  for (const name of takes) feeds[name] = take(pool, name);
  const startMs = performance.now();
  // ONNX Runtime refuses to be asked for nothing; a step nobody wants anything of is not run.
  const results = gives.length === 0 ? {} : await run(feeds);
  const elapsedMs = performance.now() - startMs;
  for (const name of gives) {
    const result = results[name];
    if (result !== undefined) pool.set(name, result);
  }
  return elapsedMs;
}

function take(pool: ReadonlyMap<string, OrtTensor>, name: string): OrtTensor {
  const tensor = pool.get(name);
  if (tensor === undefined) throw new SplitError('runtime-failed', `"${name}" was not made by the run`);
  return tensor;
}

function toInputInfo(value: InferenceSession.ValueMetadata): TensorInfo {
  const [info] = toOutputInfo(value);
  if (info !== undefined) return info;
  const kind = value.isTensor ? `a tensor of ${value.type}` : 'not a tensor';
  throw new SplitError('runtime-failed', `input "${value.name}" is ${kind}, which cannot be fed`);
}

/** Sequences, maps and tensors of strings are left out: nothing here could carry them. */
function toOutputInfo(value: InferenceSession.ValueMetadata): TensorInfo[] {
  if (!value.isTensor || !Object.hasOwn(TENSOR_TYPES, value.type)) return [];
  return [{ name: value.name, type: value.type as TensorType, shape: value.shape.map(toDim) }];
}

/** ONNX Runtime in WebAssembly gives an unknown size without a name as minus one, read as unsigned. */
function toDim(dim: number | string): number | string {
  return dim === 2 ** 32 - 1 ? '' : dim;
}

export function toOrt(ort: Ort, { type, data, dims }: Tensor): OrtTensor {
  return new ort.Tensor(type, data, dims) as OrtTensor;
}

/** float16 may come as Float16Array: it is taken by its bytes, never by value. */
function fromOrt(tensor: OrtTensor): Tensor {
  const { data, type, dims } = tensor;
  if (!ArrayBuffer.isView(data) || !Object.hasOwn(TENSOR_TYPES, type)) {
    throw new SplitError('runtime-failed', `the run made a tensor of ${type}, which cannot be carried`);
  }
  const { buffer, byteOffset, byteLength } = data;
  return tensorFromBytes(
    type as TensorType,
    dims,
    new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
  );
}

export interface Answer {
  readonly reply: ReplyMessage;
  /** Buffers to hand over with it. */
  readonly transfer: readonly ArrayBuffer[];
}

/** Does what a call asks for. Never throws: an error is a reply as well. */
export async function answerCall(sessions: OrtSessions, id: number, call: WorkerCall): Promise<Answer> {
  try {
    if (call.kind !== 'run') return { reply: { id, value: await perform(sessions, call) }, transfer: [] };
    const value = await sessions.run(call);
    return { reply: { id, value }, transfer: transferList(value.values) };
  } catch (error) {
    return { reply: { id, error: toCallError(error) }, transfer: [] };
  }
}

function perform(sessions: OrtSessions, call: Exclude<WorkerCall, { kind: 'run' }>): Promise<unknown> {
  switch (call.kind) {
    case 'load':
      return sessions.load(call);
    case 'profile':
      return sessions.profile(call);
    case 'release':
      return sessions.release(call.model);
    case 'close':
      return sessions.releaseAll();
  }
}

/** Each buffer once. */
function transferList(values: readonly NamedTensor[]): ArrayBuffer[] {
  return [...new Set(values.map(([, tensor]) => tensor.data.buffer as ArrayBuffer))];
}

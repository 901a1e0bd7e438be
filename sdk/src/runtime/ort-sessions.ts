/** The sessions that live inside the worker: load, run over a pool of named values, release. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { SplitError } from '../errors.ts';
import type { Tensor, TensorInfo, TensorType } from '../tensor.ts';
import { TENSOR_TYPES, tensorFromBytes } from '../tensor.ts';
import type {
  LoadCall,
  LoadReply,
  NamedTensor,
  ProfileCall,
  RunCall,
  RunReply,
  WorkerSettings,
} from './ort-messages.ts';

/** The part of onnxruntime-node that is used here. */
export type Ort = typeof import('onnxruntime-node');

export interface OrtSessions {
  load(call: LoadCall): Promise<LoadReply>;
  run(call: RunCall): Promise<RunReply>;
  profile(call: ProfileCall): Promise<Readonly<Record<string, number>>>;
  release(model: number): Promise<void>;
  releaseAll(): Promise<void>;
}

export function createOrtSessions(ort: Ort, settings: WorkerSettings): OrtSessions {
  const sessions = new Map<number, InferenceSession>();
  let nextModel = 1;

  async function load(call: LoadCall): Promise<LoadReply> {
    const session = await ort.InferenceSession.create(call.bytes, sessionOptions(call, settings));
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

  async function run({ steps, feeds, fetches, abortFlag }: RunCall): Promise<RunReply> {
    const pool = new Map(feeds.map(([name, tensor]) => [name, toOrt(ort, tensor)]));
    const stepMs: number[] = [];
    for (const { model, takes, gives } of steps) {
      if (Atomics.load(abortFlag, 0) !== 0)
        throw new SplitError('aborted', 'the signal fired during the run');
      const session = sessions.get(model);
      if (session === undefined) throw new SplitError('closed', `model ${model} was released`);
      stepMs.push(await runStep(session, pool, takes, gives));
    }
    return { values: fetches.map((name) => [name, fromOrt(take(pool, name))] as const), stepMs };
  }

  async function profile(call: ProfileCall): Promise<Readonly<Record<string, number>>> {
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-profile-'));
    try {
      const profiled = { enableProfiling: true, profileFilePrefix: join(folder, 'run') };
      const options = { ...sessionOptions(call, settings), ...profiled };
      const session = await ort.InferenceSession.create(call.bytes, options);
      const feeds = Object.fromEntries(call.feeds.map(([name, tensor]) => [name, toOrt(ort, tensor)]));
      for (let run = 0; run < PROFILED_RUNS; run++) await session.run(feeds);
      session.endProfiling();
      await session.release();
      return await readProfile(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
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

const PROFILED_RUNS = 3;

interface ProfileEvent {
  readonly cat?: string;
  readonly dur?: number;
  readonly args?: { readonly provider?: string };
}

/** Milliseconds in kernels by provider, under the names that sessions are asked by. */
async function readProfile(folder: string): Promise<Readonly<Record<string, number>>> {
  const totals: Record<string, number> = {};
  for (const file of await readdir(folder)) {
    const events = JSON.parse(await readFile(join(folder, file), 'utf8')) as ProfileEvent[];
    for (const { cat, dur = 0, args } of events) {
      if (cat !== 'Node' || !args?.provider) continue;
      const provider = args.provider.replace(/ExecutionProvider$/, '').toLowerCase();
      totals[provider] = (totals[provider] ?? 0) + dur / 1000;
    }
  }
  return totals;
}

function sessionOptions(
  call: Omit<LoadCall, 'kind'>,
  settings: WorkerSettings,
): InferenceSession.SessionOptions {
  const folder = call.directory && { model_external_initializers_file_folder_path: call.directory };
  return {
    executionProviders: [
      settings.deviceId === undefined
        ? settings.provider
        : ({
            name: settings.provider,
            deviceId: settings.deviceId,
          } as InferenceSession.ExecutionProviderConfig),
    ],
    graphOptimizationLevel: call.optimization,
    intraOpNumThreads: settings.threads,
    interOpNumThreads: 1,
    // Fatal only: what goes wrong is thrown, and need not be on the application's stderr as well.
    logSeverityLevel: 4,
    // Threads that spin after a run fight the next session for the cores. ORT takes strings only.
    extra: {
      session: { intra_op: { allow_spinning: '0' }, use_device_allocator_for_initializers: '1', ...folder },
    },
  };
}

async function runStep(
  session: InferenceSession,
  pool: Map<string, OrtTensor>,
  takes: readonly string[],
  gives: readonly string[],
): Promise<number> {
  // No prototype: a tensor may be called anything.
  const feeds: Record<string, OrtTensor> = Object.create(null);
  for (const name of takes) feeds[name] = take(pool, name);
  const startMs = performance.now();
  // ONNX Runtime refuses to be asked for nothing; a step nobody wants anything of is not run.
  const results = gives.length === 0 ? {} : await session.run(feeds, [...gives]);
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
  return [{ name: value.name, type: value.type as TensorType, shape: value.shape }];
}

function toOrt(ort: Ort, { type, data, dims }: Tensor): OrtTensor {
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

/** The buffers to hand over with a reply; each once. */
export function transferList(values: readonly NamedTensor[]): ArrayBuffer[] {
  return [...new Set(values.map(([, tensor]) => tensor.data.buffer as ArrayBuffer))];
}

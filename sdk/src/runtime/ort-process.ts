/**
 * The Runtime adapter for servers: onnxruntime-node in a process of its own, under a watchdog. A crash or a hang there
 * costs the run that was being made, which fails with `gateway-unavailable`; the process is started again, its models are
 * loaded again, and runs that were waiting behind are made then.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { SplitError } from '../errors.ts';
import type { Tensors } from '../tensor.ts';
import { type Feed, type Feeds, wholeTensor } from './feeds.ts';
import { createMessageReader, writeMessage } from './frame-stream.ts';
import { fromCallError } from './ort-errors.ts';
import type { OrtNodeOptions } from './ort-node.ts';
import {
  type ChildCall,
  type ChildReply,
  type LoadedReply,
  packTensors,
  type RanReply,
  unpackTensors,
} from './process-messages.ts';
import type { LoadedModel, RunRequest, RunResult, Runtime, RuntimeModel } from './runtime.ts';
import { openSharedFile, type Placement } from './shared-file.ts';

export interface OrtProcessOptions extends OrtNodeOptions {
  /** Longest run, in milliseconds: beyond it the process is taken for hung and killed. @default 30000 */
  readonly hangMs?: number;
  /** Longest start and longest load of a model, in milliseconds. TensorRT takes minutes. @default 600000 */
  readonly loadMs?: number;
  /** Told when the process is started again and why. */
  readonly onChange?: (change: ProcessChange) => void;
}

export interface ProcessChange {
  readonly state: 'starting' | 'ready' | 'hung' | 'crashed' | 'stopped';
  readonly reason: string;
}

export interface ProcessRuntime extends Runtime {
  /** Of the process that runs now; for tests and people. */
  readonly pid: number | undefined;
}

const DEFAULT_HANG_MS = 30_000;
const DEFAULT_LOAD_MS = 600_000;
/** After so many starts in a row that came to nothing it is said to have failed; it goes on trying. */
const MAX_FAILED_STARTS = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

interface Waiting {
  readonly id: number;
  readonly call: ChildCall;
  readonly buffers: readonly (readonly Uint8Array[])[];
  /** Since it was sent: buffers that the process reads from the shared file. */
  placed?: Placement | undefined;
  resolve(value: Answer): void;
  reject(error: SplitError): void;
}

interface Answer {
  readonly value: unknown;
  readonly buffers: readonly Uint8Array[];
}

/** A model that the process holds, and what it takes to load it again. */
interface Held {
  readonly id: number;
  readonly model: RuntimeModel;
}

/** @throws SplitError `options-invalid`, `provider-unavailable` when the first start fails */
export async function createOrtProcess(options: OrtProcessOptions = {}): Promise<ProcessRuntime> {
  const { hangMs = DEFAULT_HANG_MS, loadMs = DEFAULT_LOAD_MS, onChange = () => {}, ...ort } = options;
  const held = new Map<LoadedModel, Held>();
  /** Calls that were sent, in order: the first is the one that is being made. */
  const sent: Waiting[] = [];
  /** Calls that wait for a process. */
  let queued: Waiting[] = [];
  const shared = openSharedFile();
  let nextId = 1;
  let child: ChildProcess | undefined;
  let isUp = false;
  let failedStarts = 0;
  let closing: Promise<void> | undefined;
  let watchdog: NodeJS.Timeout | undefined;
  let restart: NodeJS.Timeout | undefined;
  let about = { description: 'onnxruntime-node in a process', provider: ort.provider ?? 'cpu' };

  function spawnChild(): ChildProcess {
    const isSource = import.meta.url.endsWith('.ts');
    const program = new URL(isSource ? './ort-child.ts' : './ort-child.js', import.meta.url);
    onChange({ state: 'starting', reason: 'start' });
    const about = [JSON.stringify(ort), ...(shared ? ['shared'] : [])];
    const started = spawn(process.execPath, [...process.execArgv, program.pathname, ...about], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', shared?.fd ?? 'ignore'],
    });
    shared?.freeAll();
    const socket = socketOf(started);
    socket.on(
      'data',
      createMessageReader(({ header, buffers }) => settle(started, header as ChildReply, buffers)),
    );
    // What it had to say has been said by the exit.
    socket.on('error', () => {});
    started.on('error', () => {});
    started.once('close', (code, signal) => lost(started, signal ?? `exit code ${code}`));
    return started;
  }

  /** Resolves when the process can take calls. The first reply is not to a call. */
  function start(): Promise<void> {
    return new Promise((resolve, reject) => {
      child = spawnChild();
      const ready = (answer: Answer) => {
        about = answer.value as typeof about;
        resolve();
      };
      sent.push({ id: 0, call: { kind: 'close' }, buffers: [], resolve: ready, reject });
      watch();
    });
  }

  function settle(from: ChildProcess, reply: ChildReply, buffers: readonly Uint8Array[]): void {
    if (from !== child) return;
    const at = sent.findIndex(({ id }) => id === reply.id);
    const [call] = at < 0 ? [] : sent.splice(at, 1);
    if (call?.placed) shared?.free(call.placed);
    watch();
    if ('error' in reply) call?.reject(fromCallError(reply.error));
    else call?.resolve({ value: reply.value, buffers });
  }

  /** The clock runs for the oldest call alone, anew for each. */
  function watch(): void {
    clearTimeout(watchdog);
    const [oldest] = sent;
    if (oldest === undefined) return;
    const isRun = oldest.call.kind === 'run';
    const limitMs = isRun ? hangMs : loadMs;
    watchdog = setTimeout(() => {
      onChange({ state: 'hung', reason: `no answer to a ${isRun ? 'run' : 'call'} within ${limitMs} ms` });
      child?.kill('SIGKILL');
    }, limitMs);
    watchdog.unref();
  }

  function lost(process_: ChildProcess, how: string): void {
    if (process_ !== child) return;
    child = undefined;
    clearTimeout(watchdog);
    isUp = false;
    const [running, ...behind] = sent.splice(0);
    const state = closing === undefined ? 'crashed' : 'stopped';
    onChange({ state, reason: how });
    running?.reject(lostError(about.description, how, running.id === 0));
    // Loads and releases of a process that is gone mean nothing to the next one: what is held is loaded anew.
    for (const call of behind)
      if (call.call.kind !== 'run') call.reject(lostError(about.description, how, false));
    queued = [...behind.filter(({ call }) => call.kind === 'run'), ...queued];
    if (closing === undefined && !isFirstStart) scheduleRestart();
    else failQueued(how);
  }

  function failQueued(how: string): void {
    for (const call of queued.splice(0)) call.reject(lostError(about.description, how, false));
  }

  function scheduleRestart(): void {
    const pauseMs = failedStarts === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failedStarts);
    restart = setTimeout(() => void revive(), pauseMs);
  }

  async function revive(): Promise<void> {
    try {
      await start();
      for (const { id, model } of held.values()) await send(loadCall(id, model), [[model.bytes]]);
      failedStarts = 0;
      becomeUp();
    } catch {
      failedStarts += 1;
      if (failedStarts >= MAX_FAILED_STARTS) failQueued('it does not start again');
      // A process that still lives could not load a model: it is replaced as a whole.
      if (child === undefined) return;
      const failed = child;
      child = undefined;
      sent.splice(0);
      failed.kill('SIGKILL');
      if (closing === undefined) scheduleRestart();
    }
  }

  function becomeUp(): void {
    isUp = true;
    onChange({ state: 'ready', reason: about.description });
    for (const call of queued.splice(0)) write(call);
  }

  function write(call: Waiting): void {
    const { id, call: body, buffers } = call;
    sent.push(call);
    if (sent.length === 1) watch();
    if (!child) return;
    // Runs are over soon; a model would keep the file as large as it is.
    const placed = body.kind === 'run' ? shared?.place(buffers) : undefined;
    call.placed = placed;
    const isPlaced = new Set(placed?.buffers.map(([index]) => index));
    const others = buffers.map((pieces, index) => (isPlaced.has(index) ? [] : pieces));
    writeMessage(socketOf(child), { header: { id, call: body, placed }, buffers: others });
  }

  /** Now, whether the process is up or not. */
  function send(call: ChildCall, buffers: Waiting['buffers'] = []): Promise<Answer> {
    return new Promise((resolve, reject) => {
      write({ id: nextId++, call, buffers, resolve, reject });
    });
  }

  function ask(call: ChildCall, buffers: Waiting['buffers'] = [], signal?: AbortSignal): Promise<Answer> {
    if (closing !== undefined) return Promise.reject(new SplitError('closed', 'the runtime was closed'));
    if (failedStarts >= MAX_FAILED_STARTS)
      return Promise.reject(lostError(about.description, 'it does not start again', false));
    return new Promise((resolve, reject) => {
      const stop = () => giveUp(waiting, signal);
      const waiting: Waiting = {
        ...{ id: nextId++, call, buffers },
        resolve: (answer) => {
          signal?.removeEventListener('abort', stop);
          resolve(answer);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', stop);
          reject(error);
        },
      };
      signal?.addEventListener('abort', stop, { once: true });
      if (isUp) write(waiting);
      else queued.push(waiting);
    });
  }

  /** What was sent stops between models at best, and keeps its place until then; what was not is forgotten. */
  function giveUp(waiting: Waiting, signal: AbortSignal | undefined): void {
    queued = queued.filter((call) => call !== waiting);
    if (isUp && sent.includes(waiting)) void send({ kind: 'abort', run: waiting.id }).catch(() => undefined);
    waiting.reject(
      new SplitError('aborted', 'the signal fired before the run ended', { cause: signal?.reason }),
    );
  }

  async function load(model: RuntimeModel): Promise<LoadedModel> {
    const id = nextId++;
    const { value } = await ask(loadCall(id, model), [[model.bytes]]);
    const { inputs, outputs } = value as LoadedReply;
    const loaded: LoadedModel = { inputs, outputs, release: () => release(loaded) };
    held.set(loaded, { id, model });
    return loaded;
  }

  async function release(loaded: LoadedModel): Promise<void> {
    const own = held.get(loaded);
    held.delete(loaded);
    if (own === undefined || closing !== undefined) return;
    // With the process its models are gone too.
    await ask({ kind: 'release', model: own.id }).catch(() => undefined);
  }

  async function run({ models, feeds, fetches, signal }: RunRequest): Promise<RunResult> {
    if (closing !== undefined) throw new SplitError('closed', 'the runtime was closed');
    if (signal?.aborted)
      throw new SplitError('aborted', 'the signal fired before the run', { cause: signal.reason });
    const ids = models.map((loaded) => {
      const own = held.get(loaded);
      if (own) return own.id;
      throw new SplitError('closed', 'a model was released, or belongs to another runtime');
    });
    const { made, fed } = partFetches(models, feeds, fetches);
    const own = fed.map((name) => [name, wholeTensor(feeds[name] as Feed)] as const);
    if (models.length === 0) return { values: Object.fromEntries(own), stepMs: [] };
    const { heads, buffers } = packTensors(feeds);
    const call = { kind: 'run', models: ids, feeds: heads, fetches: made } as const;
    const answer = await ask(call, buffers, signal);
    const { values, stepMs } = answer.value as RanReply;
    return { values: { ...Object.fromEntries(own), ...unpackTensors(values, answer.buffers) }, stepMs };
  }

  async function profile({ bytes, directory }: RuntimeModel, feeds: Tensors) {
    const { heads, buffers } = packTensors(feeds);
    const { value } = await ask({ kind: 'profile', directory, feeds: heads }, [[bytes], ...buffers]);
    return value as Readonly<Record<string, number>>;
  }

  async function closeAll(): Promise<void> {
    clearTimeout(restart);
    const closed = child;
    if (closed === undefined) {
      shared?.close();
      return failQueued('the runtime was closed');
    }
    const ended = new Promise<void>((resolve) => closed.once('close', () => resolve()));
    // It finishes what it has first.
    await send({ kind: 'close' }).catch(() => undefined);
    socketOf(closed).end();
    await ended;
    shared?.close();
  }

  let isFirstStart = true;
  await start().catch((error: unknown) => {
    shared?.close();
    throw error;
  });
  isFirstStart = false;
  becomeUp();
  return {
    get description() {
      return about.description;
    },
    get provider() {
      return about.provider;
    },
    get hasFailed() {
      return failedStarts >= MAX_FAILED_STARTS;
    },
    get pid() {
      return child?.pid;
    },
    load,
    run,
    profile,
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}

function socketOf(child: ChildProcess): Socket {
  return child.stdio[3] as Socket;
}

function loadCall(id: number, { directory, optimization = 'all' }: RuntimeModel): ChildCall {
  return { kind: 'load', model: id, directory, optimization };
}

/** Nothing of the request is to blame, so it may be made again: here, or by another gateway. */
function lostError(description: string, how: string, isStart: boolean): SplitError {
  if (isStart) return new SplitError('provider-unavailable', `${description} did not start: ${how}`);
  return new SplitError('gateway-unavailable', `${description} was lost while it ran this: ${how}`);
}

/** Fetches that are made there, and those that are the caller's own feeds. */
function partFetches(
  models: readonly LoadedModel[],
  feeds: Feeds,
  fetches: readonly string[],
): { readonly made: string[]; readonly fed: string[] } {
  const outputs = new Set(models.flatMap((model) => model.outputs.map(({ name }) => name)));
  const made = fetches.filter((name) => outputs.has(name));
  const fed = fetches.filter((name) => !outputs.has(name));
  const missing = fed.find((name) => !Object.hasOwn(feeds, name));
  if (missing === undefined) return { made, fed };
  throw new SplitError('runtime-failed', `fetch "${missing}" is neither fed nor made by an earlier model`);
}

/** A process with ONNX Runtime that is started again when it crashes or hangs, told what it held, and then made to do what was waiting. */
import { SplitError } from '../errors.ts';
import type { OrtNodeOptions } from './ort-node.ts';
import type { ChildCall } from './process-messages.ts';
import { type Answer, answerCall, createSentCalls, type WaitingCall } from './sent-calls.ts';
import { openSharedFile } from './shared-file.ts';
import { type StartedChild, startChild } from './started-child.ts';

export interface ProcessChange {
  readonly state: 'starting' | 'ready' | 'hung' | 'crashed' | 'stopped';
  readonly reason: string;
}

export interface KeptProcess {
  /** As it says itself. */
  readonly about: { readonly description: string; readonly provider: string };
  /** It does not start again; it is tried all the same. */
  readonly hasFailed: boolean;
  /** Of the process that runs now. */
  readonly pid: number | undefined;
  readonly isClosing: boolean;
  /**
   * Waits where there is no process just now.
   * @throws SplitError `gateway-unavailable` where the process is lost while it does this, `aborted`, `closed`
   */
  ask(call: ChildCall, buffers?: WaitingCall['buffers'], signal?: AbortSignal): Promise<Answer>;
  /** It finishes what it has first. Safe to call twice. */
  close(): Promise<void>;
}

export interface KeptProcessOptions {
  readonly ort: OrtNodeOptions;
  /** Longest run, in milliseconds. */
  readonly hangMs: number;
  /** Longest start, and longest of any other call, in milliseconds. */
  readonly loadMs: number;
  onChange(change: ProcessChange): void;
  /** What a process that takes another's place is asked before anything else. */
  whatItHeld(): Iterable<Pick<WaitingCall, 'call' | 'buffers'>>;
}

/** After so many starts in a row that came to nothing it is said to have failed; it goes on trying. */
const MAX_FAILED_STARTS = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** @throws SplitError `options-invalid`, `provider-unavailable` when the first start fails */
export async function keepProcess({
  ort,
  hangMs,
  loadMs,
  onChange,
  whatItHeld,
}: KeptProcessOptions): Promise<KeptProcess> {
  const sent = createSentCalls({
    ...{ hangMs, loadMs },
    onHung(reason) {
      onChange({ state: 'hung', reason });
      child?.kill();
    },
  });
  /** Calls that wait for a process. */
  let queued: WaitingCall[] = [];
  const shared = openSharedFile();
  let nextId = 1;
  let child: StartedChild | undefined;
  let isUp = false;
  let failedStarts = 0;
  let closing: Promise<void> | undefined;
  let restart: NodeJS.Timeout | undefined;
  let about = { description: 'onnxruntime-node in a process', provider: ort.provider ?? 'cpu' };

  /** What a process says that was given up is not heard. */
  function newChild(): StartedChild {
    onChange({ state: 'starting', reason: 'start' });
    const started = startChild({
      ...{ ort, shared },
      onReply(reply, buffers) {
        if (started !== child) return;
        const call = sent.take(reply.id);
        if (call?.placed) shared?.free(call.placed);
        if (call) answerCall(call, reply, buffers);
      },
      onEnd(how) {
        if (started === child) lost(how);
      },
    });
    return started;
  }

  /** Resolves when the process can take calls. The first reply is not to a call. */
  function start(): Promise<void> {
    return new Promise((resolve, reject) => {
      child = newChild();
      const ready = (answer: Answer) => {
        about = answer.value as typeof about;
        resolve();
      };
      sent.push({ id: 0, call: { kind: 'close' }, buffers: [], resolve: ready, reject });
    });
  }

  function lost(how: string): void {
    child = undefined;
    isUp = false;
    const [running, ...behind] = sent.takeAll();
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
      for (const { call, buffers } of whatItHeld()) await send(call, buffers);
      failedStarts = 0;
      becomeUp();
    } catch {
      failedStarts += 1;
      if (failedStarts >= MAX_FAILED_STARTS) failQueued('it does not start again');
      // A process that still lives could not load a model: it is replaced as a whole.
      if (child === undefined) return;
      const failed = child;
      child = undefined;
      sent.takeAll();
      failed.kill();
      if (closing === undefined) scheduleRestart();
    }
  }

  function becomeUp(): void {
    isUp = true;
    onChange({ state: 'ready', reason: about.description });
    for (const call of queued.splice(0)) write(call);
  }

  function write(call: WaitingCall): void {
    sent.push(call);
    call.placed = child?.send(call);
  }

  /** Now, whether the process is up or not. */
  function send(call: ChildCall, buffers: WaitingCall['buffers'] = []): Promise<Answer> {
    return new Promise((resolve, reject) => {
      write({ id: nextId++, call, buffers, resolve, reject });
    });
  }

  function ask(call: ChildCall, buffers: WaitingCall['buffers'] = [], signal?: AbortSignal): Promise<Answer> {
    if (closing !== undefined) return Promise.reject(new SplitError('closed', 'the runtime was closed'));
    if (failedStarts >= MAX_FAILED_STARTS)
      return Promise.reject(lostError(about.description, 'it does not start again', false));
    return new Promise((resolve, reject) => {
      const stop = () => giveUp(waiting, signal);
      const waiting: WaitingCall = {
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
  function giveUp(waiting: WaitingCall, signal: AbortSignal | undefined): void {
    queued = queued.filter((call) => call !== waiting);
    if (isUp && sent.has(waiting)) void send({ kind: 'abort', run: waiting.id }).catch(() => undefined);
    waiting.reject(
      new SplitError('aborted', 'the signal fired before the run ended', { cause: signal?.reason }),
    );
  }

  async function closeAll(): Promise<void> {
    clearTimeout(restart);
    const closed = child;
    if (closed === undefined) {
      shared?.close();
      return failQueued('the runtime was closed');
    }
    // It finishes what it has first.
    await send({ kind: 'close' }).catch(() => undefined);
    await closed.finish();
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
    get about() {
      return about;
    },
    get hasFailed() {
      return failedStarts >= MAX_FAILED_STARTS;
    },
    get pid() {
      return child?.pid;
    },
    get isClosing() {
      return closing !== undefined;
    },
    ask,
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}

/** Nothing of the request is to blame, so it may be made again: here, or by another gateway. */
function lostError(description: string, how: string, isStart: boolean): SplitError {
  if (isStart) return new SplitError('provider-unavailable', `${description} did not start: ${how}`);
  return new SplitError('gateway-unavailable', `${description} was lost while it ran this: ${how}`);
}

/** Calls to a worker thread and their replies. The process is kept alive only while a reply is due. */
import type { Worker } from 'node:worker_threads';
import { SplitError } from '../errors.ts';
import { fromCallError } from './ort-errors.ts';
import type { CallMessage, ReplyMessage, WorkerCall } from './ort-messages.ts';

export interface WorkerCalls {
  /** The reply to call 0, which nobody sends: the worker speaks first. */
  readonly ready: Promise<unknown>;
  /** The worker is gone, and every call fails from now on. */
  readonly hasFailed: boolean;
  call(call: WorkerCall, transfer?: readonly ArrayBuffer[]): Promise<unknown>;
  /** Has the worker finish what it was asked, then waits until the thread has ended. */
  end(): Promise<void>;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: SplitError): void;
}

/** Takes over the worker's events. Replies come in any order; a call lives until its reply or the worker's end. */
export function createWorkerCalls(worker: Worker): WorkerCalls {
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let isEnding = false;
  let failure: SplitError | undefined;

  function settle(message: ReplyMessage): void {
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (waiting.size === 0 && !isEnding) worker.unref();
    if ('error' in message) call?.reject(fromCallError(message.error));
    else call?.resolve(message.value);
  }

  function fail(reason: string, cause?: unknown): void {
    failure ??= new SplitError('runtime-failed', reason, { cause });
    for (const call of waiting.values()) call.reject(failure);
    waiting.clear();
  }

  function wait(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  }

  function call(call: WorkerCall, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    if (failure !== undefined) return Promise.reject(failure);
    const message: CallMessage = { id: nextId++, call };
    worker.ref();
    const reply = wait(message.id);
    worker.postMessage(message, transfer);
    return reply;
  }

  function end(): Promise<void> {
    isEnding = true;
    worker.ref();
    const message: CallMessage = { id: nextId++, call: { kind: 'close' } };
    // A thread that has ended already takes no message, and needs none.
    worker.postMessage(message);
    return ended;
  }

  worker.on('message', settle);
  worker.on('messageerror', (error) => fail('a reply of the ONNX Runtime thread could not be read', error));
  worker.on('error', (error) => fail(`the ONNX Runtime thread failed: ${describe(error)}`, error));
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', (code) => {
      fail(`the ONNX Runtime thread ended with exit code ${code}`);
      resolve();
    });
  });
  return {
    ready: wait(0),
    get hasFailed() {
      return failure !== undefined;
    },
    call,
    end,
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Calls to a worker and their replies, over whatever kind of worker a platform has. */
import { SplitError } from '../errors.ts';
import { fromCallError } from './ort-errors.ts';
import type { CallMessage, ReplyMessage, WorkerCall } from './ort-messages.ts';

export interface WorkerCalls {
  /** The reply to call 0, which nobody sends: the worker speaks first. */
  readonly ready: Promise<unknown>;
  /** The worker is gone, and every call fails from now on. */
  readonly hasFailed: boolean;
  call(call: WorkerCall, transfer?: readonly ArrayBuffer[]): Promise<unknown>;
  /** Has the worker finish what it was asked, then waits until it has ended. */
  end(): Promise<void>;
}

/** A worker as its platform gives it: node-worker.ts, web-worker.ts. */
export interface WorkerPort {
  post(message: CallMessage, transfer: readonly ArrayBuffer[]): void;
  /** Takes over the worker's events, once. */
  listen(events: WorkerEvents): void;
  /** Whether a reply is due: a platform may end a program that waits for nothing. */
  setBusy(isBusy: boolean): void;
}

export interface WorkerEvents {
  onMessage(message: ReplyMessage): void;
  /** Something broke; the worker may still be there. */
  onFailure(reason: string, cause?: unknown): void;
  /** The worker is gone, for whatever reason. */
  onEnd(reason: string): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: SplitError): void;
}

/** Replies come in any order; a call lives until its reply or the worker's end. */
export function createWorkerCalls(port: WorkerPort): WorkerCalls {
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let isEnding = false;
  let failure: SplitError | undefined;
  let hasEnded = () => {};
  const ended = new Promise<void>((resolve) => {
    hasEnded = resolve;
  });

  function settle(message: ReplyMessage): void {
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (waiting.size === 0 && !isEnding) port.setBusy(false);
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
    port.setBusy(true);
    const reply = wait(message.id);
    port.post(message, transfer);
    return reply;
  }

  function end(): Promise<void> {
    isEnding = true;
    port.setBusy(true);
    // A worker that has ended already takes no message, and needs none.
    port.post({ id: nextId++, call: { kind: 'close' } }, []);
    return ended;
  }

  port.listen({
    onMessage: settle,
    onFailure: fail,
    onEnd(reason) {
      fail(reason);
      hasEnded();
    },
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

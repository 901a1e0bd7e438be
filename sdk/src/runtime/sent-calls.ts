/** Calls that a process was sent, in order: the first is the one that is being made, and the watchdog's clock runs for it alone. */
import type { SplitError } from '../errors.ts';
import { fromCallError } from './ort-errors.ts';
import type { ChildCall, ChildReply } from './process-messages.ts';
import type { Placement } from './shared-file.ts';

/** A call whose answer somebody waits for. */
export interface WaitingCall {
  readonly id: number;
  readonly call: ChildCall;
  /** Each in the pieces in which it lies. */
  readonly buffers: readonly (readonly Uint8Array[])[];
  /** Since it was sent: buffers that the process reads from the shared file. */
  placed?: Placement | undefined;
  resolve(value: Answer): void;
  reject(error: SplitError): void;
}

export interface Answer {
  readonly value: unknown;
  readonly buffers: readonly Uint8Array[];
}

export interface SentCalls {
  push(call: WaitingCall): void;
  has(call: WaitingCall): boolean;
  /** The call that a reply is to; it is not waited for any more. */
  take(id: number): WaitingCall | undefined;
  /** The process is gone: nothing is waited for. */
  takeAll(): readonly WaitingCall[];
}

export interface SentCallsOptions {
  /** Longest run, in milliseconds. */
  readonly hangMs: number;
  /** Longest of any other call, in milliseconds. */
  readonly loadMs: number;
  onHung(reason: string): void;
}

export function createSentCalls({ hangMs, loadMs, onHung }: SentCallsOptions): SentCalls {
  const sent: WaitingCall[] = [];
  let watchdog: NodeJS.Timeout | undefined;

  /** Anew for each call that becomes the oldest. */
  function watch(): void {
    clearTimeout(watchdog);
    const [oldest] = sent;
    if (oldest === undefined) return;
    const isRun = oldest.call.kind === 'run';
    const limitMs = isRun ? hangMs : loadMs;
    watchdog = setTimeout(
      () => onHung(`no answer to a ${isRun ? 'run' : 'call'} within ${limitMs} ms`),
      limitMs,
    );
    watchdog.unref();
  }

  return {
    push(call) {
      sent.push(call);
      if (sent.length === 1) watch();
    },
    has: (call) => sent.includes(call),
    take(id) {
      const at = sent.findIndex((call) => call.id === id);
      const [call] = at < 0 ? [] : sent.splice(at, 1);
      watch();
      return call;
    },
    takeAll() {
      clearTimeout(watchdog);
      return sent.splice(0);
    },
  };
}

export function answerCall(call: WaitingCall, reply: ChildReply, buffers: readonly Uint8Array[]): void {
  if ('error' in reply) call.reject(fromCallError(reply.error));
  else call.resolve({ value: reply.value, buffers });
}

/** One request from the first publish to its end: a reply, an error, silence beyond the deadline, or the caller's wish. */
import type { Clock } from '../clock.ts';
import { asSplitError, SplitError } from '../errors.ts';
import type { PartFields, ProbeHeader, RequestHeader, ResultHeader } from '../protocol/v1/messages.ts';
import type { WholeMessage } from './assembly.ts';
import type { CreditGrant, Outbox } from './outbox.ts';
import type { Parts } from './parts.ts';
import type { Transport } from './transport.ts';

export interface ExchangeOptions {
  readonly id: string;
  readonly gateway: string;
  readonly topic: string;
  readonly head:
    | Omit<RequestHeader, keyof PartFields | 'deadlineMs'>
    | Omit<ProbeHeader, keyof PartFields | 'deadlineMs'>;
  readonly parts: Parts;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  readonly transport: Transport;
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** The caller gave up: the gateway need not go on. */
  onCancel(): void;
}

/** What came of it, for the timings. */
export interface ExchangeEnd {
  readonly result: WholeMessage<ResultHeader>;
  readonly publishedMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly attempts: number;
}

export interface Exchange {
  readonly id: string;
  readonly gateway: string;
  /** Sends, and sends again after a third of the deadline without a sign of life. */
  run(): Promise<ExchangeEnd>;
  /** The gateway sent so many bytes about this request. */
  heard(bytes: number): void;
  credited(credit: CreditGrant): void;
  succeed(result: WholeMessage<ResultHeader>): void;
  fail(error: SplitError): void;
  /** The broker is back: what was under way is lost, so ask again now. */
  reconnected(): void;
}

/** Given to signals that end a wait: without it each would make an error with a stack that nobody reads. */
const ENDED = Symbol('ended');

export function createExchange(options: ExchangeOptions): Exchange {
  const { clock, signal, deadlineMs, transport } = options;
  const ended = new AbortController();
  let resolve: (end: ExchangeEnd) => void = () => {};
  let reject: (error: SplitError) => void = () => {};
  const promise = new Promise<ExchangeEnd>((onEnd, onError) => {
    resolve = onEnd;
    reject = onError;
  });
  const publishedMs = clock.nowMs();
  let wake = new AbortController();
  let sending = new AbortController();
  let heardMs = publishedMs;
  let attempts = 0;
  let sentBytes = 0;
  let receivedBytes = 0;

  function end(settle: () => void): void {
    settle();
    signal?.removeEventListener('abort', onAbort);
    ended.abort(ENDED);
    sending.abort(ENDED);
    wake.abort(ENDED);
  }

  function fail(error: SplitError): void {
    end(() => reject(error));
  }

  function onAbort(): void {
    options.onCancel();
    fail(new SplitError('aborted', 'the caller stopped the request', { cause: signal?.reason }));
  }

  /** Each attempt ends the one before it. */
  async function drive(): Promise<void> {
    while (!ended.signal.aborted) {
      attempts += 1;
      heardMs = clock.nowMs();
      wake = new AbortController();
      sending = new AbortController();
      void send(attempts, sending.signal);
      await silence();
      sending.abort(ENDED);
    }
  }

  async function send(attempt: number, until: AbortSignal): Promise<void> {
    const { id: key, topic, parts, outbox } = options;
    const leftMs = Math.max(0, publishedMs + deadlineMs - clock.nowMs());
    const head = { ...options.head, deadlineMs: leftMs };
    // A repeated message begins with its first part alone: the answer says what is missing.
    const isProbe = attempt > 1;
    try {
      await outbox.send({ topic, key, head, parts, attempt, isProbe, signal: until, onSent });
    } catch (cause) {
      const error = asSplitError(cause);
      // A lost connection is not the end: the request goes out again once the broker is back.
      if (error.code !== 'broker-unreachable') fail(error);
    }
  }

  function onSent(bytes: number): void {
    sentBytes += bytes;
  }

  /** Until nothing was heard for a third of the deadline while there is a connection, or there is one again. */
  async function silence(): Promise<void> {
    const { signal: woken } = wake;
    while (!woken.aborted) {
      const quietMs = clock.nowMs() - heardMs;
      if (quietMs >= deadlineMs / 3 && transport.isConnected) return;
      // Being woken is how the wait is meant to end.
      await clock.sleep(Math.max(1, deadlineMs / 3 - quietMs), woken).catch(() => undefined);
    }
  }

  async function watchDeadline(): Promise<void> {
    await clock.sleep(deadlineMs, ended.signal);
    const where = transport.isConnected
      ? `gateway ${options.gateway}`
      : 'the broker, whose connection was lost';
    fail(new SplitError('deadline-exceeded', `no reply from ${where} within ${Math.round(deadlineMs)} ms`));
  }

  return {
    id: options.id,
    gateway: options.gateway,
    run: () => {
      signal?.addEventListener('abort', onAbort, { once: true });
      // The sleep rejects when the exchange ends first, which is what it waits for.
      watchDeadline().catch(() => undefined);
      drive().catch((error: unknown) => fail(asSplitError(error)));
      return promise;
    },
    heard: (bytes) => {
      heardMs = clock.nowMs();
      receivedBytes += bytes;
    },
    credited: (credit) => options.outbox.credit(options.id, credit),
    succeed: (result) => end(() => resolve({ result, publishedMs, sentBytes, receivedBytes, attempts })),
    fail,
    reconnected: () => wake.abort(ENDED),
  };
}

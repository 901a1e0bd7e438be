/** Runs that wait for a place: bounded by count, bytes and age, so that memory stays flat when they come too fast. */
import type { Clock } from '../clock.ts';
import { SplitError } from '../errors.ts';

/** `refuse` the one that comes; `drop-oldest` of those that wait; `local`: the one that comes is the device's. */
export type WhenFull = 'refuse' | 'drop-oldest' | 'local';

export interface QueueLimits {
  /** Runs at a time. */
  readonly inFlight: number;
  /** Runs that may wait beside these. */
  readonly maxQueuedCount: number;
  /** Of the feeds of all that wait. */
  readonly maxQueuedBytes: number;
  /** Longest wait for a place. */
  readonly maxAgeMs: number;
  readonly whenFull: WhenFull;
  /** `newest`: the one that came last goes first, and all that came before it are dropped. @default 'oldest' */
  readonly next?: 'oldest' | 'newest';
}

export interface QueuedRun<T> {
  readonly bytes: number;
  readonly signal?: AbortSignal | undefined;
  /** `local`: on the device, whatever the controller thinks. */
  work(where: 'any' | 'local'): Promise<T>;
}

export interface RunQueue {
  /** @throws SplitError `overloaded` where there is no room or the wait was too long, `aborted` while it waits */
  submit<T>(run: QueuedRun<T>): Promise<T>;
  /** Whether a run would find a place, or room to wait. */
  hasRoom(): boolean;
}

interface Waiting {
  readonly bytes: number;
  start(): void;
  /** Leaves the queue without having run. */
  leave(error: unknown): void;
}

export function createRunQueue(limits: QueueLimits, clock: Clock): RunQueue {
  const waiting: Waiting[] = [];
  const busy = { any: 0, local: 0 };
  const queuedBytes = () => waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  const fits = (bytes: number) =>
    waiting.length < limits.maxQueuedCount && queuedBytes() + bytes <= limits.maxQueuedBytes;

  /** The caller has counted it as busy, in the same step in which it saw the place free. */
  async function run<T>(work: QueuedRun<T>['work'], where: 'any' | 'local'): Promise<T> {
    try {
      return await work(where);
    } finally {
      busy[where]--;
      startNext();
    }
  }

  function startNext(): void {
    if (busy.any >= limits.inFlight) return;
    const next = limits.next === 'newest' ? waiting.pop() : waiting.shift();
    if (limits.next === 'newest') dropAll('a newer one went first');
    next?.start();
  }

  function dropAll(why: string): void {
    for (const entry of waiting.splice(0)) entry.leave(overloaded(why));
  }

  /** The device takes as many at a time as the cloud may; what is more is refused, or memory would grow after all. */
  function turnAway<T>({ work }: QueuedRun<T>, why: string): Promise<T> {
    const isLocal = limits.whenFull === 'local' && busy.local < limits.inFlight;
    if (!isLocal) return Promise.reject(overloaded(why));
    busy.local++;
    return run(work, 'local');
  }

  async function submit<T>(queued: QueuedRun<T>): Promise<T> {
    if (busy.any < limits.inFlight) {
      busy.any++;
      return run(queued.work, 'any');
    }
    if (limits.whenFull === 'drop-oldest' && queued.bytes <= limits.maxQueuedBytes) {
      while (waiting.length > 0 && !fits(queued.bytes))
        waiting.shift()?.leave(overloaded('a newer one came'));
    }
    if (!fits(queued.bytes)) return turnAway(queued, fullText(waiting.length, queuedBytes(), queued.bytes));
    const place = await waitForPlace(queued);
    return place === 'late' ? turnAway(queued, `waited ${limits.maxAgeMs} ms`) : run(queued.work, 'any');
  }

  function waitForPlace({ bytes, signal }: { bytes: number; signal?: AbortSignal | undefined }) {
    const done = new AbortController();
    return new Promise<'place' | 'late'>((resolve, reject) => {
      const start = () => {
        busy.any++;
        settle(() => resolve('place'));
      };
      const entry: Waiting = { bytes, start, leave: (error) => settle(() => reject(error)) };
      const settle = (how: () => void) => {
        const index = waiting.indexOf(entry);
        if (index >= 0) waiting.splice(index, 1);
        done.abort();
        signal?.removeEventListener('abort', stop);
        how();
      };
      const stop = () => entry.leave(signal?.reason);
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener('abort', stop, { once: true });
      waiting.push(entry);
      // Rejects once the entry has left the queue: then there is nobody to tell.
      clock.sleep(limits.maxAgeMs, done.signal).then(
        () => settle(() => resolve('late')),
        () => undefined,
      );
    });
  }

  return { submit, hasRoom: () => busy.any < limits.inFlight || fits(0) };
}

function fullText(count: number, bytes: number, moreBytes: number): string {
  return `${count} runs of ${bytes} bytes wait, and this one has ${moreBytes}`;
}

function overloaded(why: string): SplitError {
  return new SplitError('overloaded', `the session's queue is full: ${why}`);
}

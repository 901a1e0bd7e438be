/** The queue before the runtime: first come, first served, one job at a time, refusing what cannot be done in time. */
import { type Clock, SplitError } from '@cutpoint/sdk';
import { createCongestionPrice } from './congestion-price.ts';

export interface Admission {
  /** What the job is expected to take, in milliseconds; 0 when nothing is known. */
  readonly costMs: number;
  /** What is left until nobody waits for the answer, in milliseconds. */
  readonly deadlineMs: number;
}

/** A place in the queue: run() it once or leave() it, else the queue counts it for ever. */
export interface Ticket {
  /** Takes the turn and gives the place back. `queueMs` is from this call until the job's start. */
  run<T>(
    job: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<{ readonly value: T; readonly queueMs: number }>;
  /** Gives the place back without a run. Safe to call twice, and after run(). */
  leave(): void;
}

export interface WorkQueue {
  /** Places taken: waiting, being prepared or running. */
  readonly length: number;
  /** Work ahead of a newcomer, in milliseconds. */
  readonly expectedWaitMs: number;
  /** See congestion-price.ts. */
  readonly congestionPrice: number;
  /** @throws SplitError `overloaded` */
  admit(admission: Admission): Ticket;
}

export function createWorkQueue({ clock, maxQueued }: { clock: Clock; maxQueued: number }): WorkQueue {
  let length = 0;
  let expectedWaitMs = 0;
  let last: Promise<unknown> = Promise.resolve();
  const price = createCongestionPrice(clock);

  const enter = (costMs: number) => {
    length += 1;
    expectedWaitMs += costMs;
  };
  const exit = (costMs: number) => {
    length -= 1;
    // Sums of floats drift; an empty queue is exactly no wait.
    expectedWaitMs = length === 0 ? 0 : Math.max(0, expectedWaitMs - costMs);
  };
  const inTurn = async <T>(job: () => Promise<T>, signal: AbortSignal | undefined) => {
    const enteredMs = clock.nowMs();
    const turn = last.then(async () => {
      const queueMs = clock.nowMs() - enteredMs;
      if (signal?.aborted)
        throw new SplitError(
          'aborted',
          `the request was given up after ${queueMs.toFixed(0)} ms in the queue`,
        );
      return { value: await job(), queueMs };
    });
    last = turn.catch(() => {}); // The caller gets the error; the next in the queue has its own turn.
    return await turn;
  };

  return {
    get length() {
      return length;
    },
    get expectedWaitMs() {
      return expectedWaitMs;
    },
    get congestionPrice() {
      return price.value;
    },
    admit({ costMs, deadlineMs }) {
      price.found(length);
      checkRoom({ length, maxQueued, expectedMs: expectedWaitMs + costMs, deadlineMs });
      enter(costMs);
      let isHeld = true;
      const leave = () => {
        if (isHeld) exit(costMs);
        isHeld = false;
      };
      return { run: (job, signal) => inTurn(job, signal).finally(leave), leave };
    },
  };
}

function checkRoom(o: { length: number; maxQueued: number; expectedMs: number; deadlineMs: number }): void {
  if (o.length >= o.maxQueued) {
    throw new SplitError('overloaded', `${o.length} requests are in the queue; the limit is ${o.maxQueued}`);
  }
  if (o.expectedMs > o.deadlineMs) {
    throw new SplitError(
      'overloaded',
      `an answer is expected in ${o.expectedMs.toFixed(0)} ms; the request has ${o.deadlineMs.toFixed(0)} ms left`,
    );
  }
}

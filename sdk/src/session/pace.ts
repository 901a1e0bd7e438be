/**
 * Runs the device's stages, one at a time in each lane, and plays a slower device: idles after a stage until the stage
 * took `slowdown` times as long. A stage's time is its own: the wait for its lane is not part of it.
 */
import type { Clock } from '../clock.ts';

/** The model and the codec work side by side; two heads would only share one machine. */
export type PaceLane = 'model' | 'codec';

export interface Timed<T> {
  readonly value: T;
  /** As the slower device would have taken. */
  readonly elapsedMs: number;
}

export interface Pace {
  /**
   * Runs the stage when its lane is free and, with a slowdown above 1, idles after it. Rejects with the signal's reason as
   * soon as it fires; a stage that has begun then still keeps its lane to its end, as no machine stops in the middle.
   */
  stage<T>(lane: PaceLane, work: () => Promise<T>, signal?: AbortSignal): Promise<Timed<T>>;
  /** Ends all idling. */
  stop(): void;
}

/** Less is kept for the lane's next stage. */
const LEAST_IDLE_MS = 1;

export function createPace(clock: Clock, slowdown: number): Pace {
  const lanes = { model: createLane(), codec: createLane() };
  const stopping = new AbortController();

  const owedMs = { model: 0, codec: 0 };

  async function timed<T>(
    lane: PaceLane,
    work: () => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<Timed<T>> {
    signal?.throwIfAborted();
    const startMs = clock.nowMs();
    const value = await work();
    owedMs[lane] += (clock.nowMs() - startMs) * (slowdown - 1);
    if (owedMs[lane] >= LEAST_IDLE_MS) await idle(lane);
    return { value, elapsedMs: clock.nowMs() - startMs };
  }

  /** Timers count in milliseconds and end late: what is idled too long here, the lane's next stage idles less. */
  async function idle(lane: PaceLane): Promise<void> {
    const startMs = clock.nowMs();
    // Stopping is no error of this stage: its work is done.
    await clock.sleep(owedMs[lane], stopping.signal).catch(() => undefined);
    owedMs[lane] -= clock.nowMs() - startMs;
  }

  return {
    stage: (lane, work, signal) =>
      unlessAborted(
        lanes[lane](() => timed(lane, work, signal)),
        signal,
      ),
    stop: () => stopping.abort(),
  };
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** One after the other, in the order in which they came; one that fails does not stop the next. */
function createLane(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    // Its caller has the error.
    last = mine.catch(() => undefined);
    return mine;
  };
}

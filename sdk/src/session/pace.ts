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
  /** Runs the stage when its lane is free and, with a slowdown above 1, idles after it. Ends early with the signal's reason. */
  stage<T>(lane: PaceLane, work: () => Promise<T>, signal?: AbortSignal): Promise<Timed<T>>;
}

export function createPace(clock: Clock, slowdown: number): Pace {
  const lanes = { model: createLane(), codec: createLane() };

  async function timed<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<Timed<T>> {
    signal?.throwIfAborted();
    const startMs = clock.nowMs();
    const value = await work();
    const workedMs = clock.nowMs() - startMs;
    if (slowdown > 1) await clock.sleep(workedMs * (slowdown - 1), signal);
    return { value, elapsedMs: clock.nowMs() - startMs };
  }

  return { stage: (lane, work, signal) => lanes[lane](() => timed(work, signal)) };
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

/** Plays a slower device: idles after a stage until the stage took `slowdown` times as long. */
import type { Clock } from '../clock.ts';

export interface Timed<T> {
  readonly value: T;
  /** As the slower device would have taken. */
  readonly elapsedMs: number;
}

export interface Pace {
  /** Runs the stage and, with a slowdown above 1, idles after it. Ends early with the signal's reason. */
  stage<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<Timed<T>>;
}

export function createPace(clock: Clock, slowdown: number): Pace {
  return {
    async stage(work, signal) {
      const startMs = clock.nowMs();
      const value = await work();
      const workedMs = clock.nowMs() - startMs;
      if (slowdown > 1) await clock.sleep(workedMs * (slowdown - 1), signal);
      return { value, elapsedMs: clock.nowMs() - startMs };
    },
  };
}

/** Holds a stream of bytes to a rate, with at most half a second's worth at once. */

export interface RateLimit {
  /** Resolves when so many bytes more may have come. @throws the signal's reason when it fires */
  spend(bytes: number, signal: AbortSignal): Promise<void>;
}

const BURST_SECONDS = 0.5;

/** @param bytesPerSecond `Infinity` is no limit. @param now milliseconds of a clock that never goes back */
export function createRateLimit(bytesPerSecond: number, now: () => number): RateLimit {
  let freeAtMs = Number.NEGATIVE_INFINITY;
  return {
    async spend(bytes, signal) {
      if (!Number.isFinite(bytesPerSecond)) return;
      freeAtMs = Math.max(freeAtMs, now() - BURST_SECONDS * 1000) + (bytes / bytesPerSecond) * 1000;
      await pause(freeAtMs - now(), signal);
    },
  };
}

/** @throws the signal's reason when it fires before that */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    if (ms <= 0) return resolve();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}

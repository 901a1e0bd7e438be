/** How requests come: one after the other from so many clients, or at seeded random times. */
import { randomNumbers } from '../../support/models/random-weights.ts';

/** Each client sends as soon as it has its answer. @returns what `send` took, and requests a second */
export async function closedLoop<T>(
  { clients, seconds }: { readonly clients: number; readonly seconds: number },
  send: () => Promise<T>,
): Promise<{ readonly results: readonly T[]; readonly perSecond: number }> {
  const results: T[] = [];
  const startMs = performance.now();
  const client = async () => {
    while (performance.now() - startMs < seconds * 1000) results.push(await send());
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { results, perSecond: (results.length * 1000) / (performance.now() - startMs) };
}

export interface OpenLoad {
  readonly perSecond: number;
  readonly seconds: number;
  readonly seed: number;
}

/** Milliseconds from the start at which requests come: a Poisson process, the same for the same seed. */
export function arrivalTimes({ perSecond, seconds, seed }: OpenLoad): number[] {
  const random = randomNumbers(seed);
  const times: number[] = [];
  for (let atMs = 0; atMs < seconds * 1000; atMs += (-Math.log(1 - random()) * 1000) / perSecond)
    times.push(atMs);
  return times;
}

/** Sends at these times, whether earlier requests are answered or not. */
export async function openLoop(arrivals: readonly number[], send: () => Promise<unknown>): Promise<void> {
  const sent: Promise<unknown>[] = [];
  const startMs = performance.now();
  for (const atMs of arrivals) {
    const waitMs = startMs + atMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    sent.push(send());
  }
  await Promise.all(sent);
}

/** What each takes, from its arrival to its end, in a queue before one server that does nothing but run them. */
export function queueLatencies(jobs: readonly { readonly atMs: number; readonly runMs: number }[]): number[] {
  let freeMs = Number.NEGATIVE_INFINITY;
  return jobs.map(({ atMs, runMs }) => {
    freeMs = Math.max(freeMs, atMs) + runMs;
    return freeMs - atMs;
  });
}

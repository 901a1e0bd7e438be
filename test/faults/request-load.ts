/** Requests without pause while something fails, and what became of each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isSplitError } from '@cutpoint/sdk';
import { seededRandom } from '../../sdk/src/testing/random.ts';
import type { OutageWorld } from './outage-world.ts';

export interface LoadReport {
  answers: number;
  /** By code. */
  readonly errors: Record<string, number>;
  wrongAnswers: number;
  readonly untyped: unknown[];
  /** Longest time beyond the deadline, in milliseconds; below 0 where all were in time. */
  worstOverrunMs: number;
}

const LANES = 2;
const PAUSE_MS = 20;

/** Two lanes, one that falls back and one that does not, with pauses by the seed. */
export async function requestLoad(world: OutageWorld, count: number, seed: number): Promise<LoadReport> {
  const report: LoadReport = {
    ...{ answers: 0, errors: {}, wrongAnswers: 0, untyped: [] },
    worstOverrunMs: Number.NEGATIVE_INFINITY,
  };
  const lane = async (index: number) => {
    const random = seededRandom(seed + index);
    for (let done = 0; done < count / LANES; done++) {
      await oneRequest(world, index === 0 ? 'local' : 'none', report);
      await sleep(random() * PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, index) => lane(index)));
  return report;
}

async function oneRequest(world: OutageWorld, fallback: 'local' | 'none', report: LoadReport): Promise<void> {
  const startMs = performance.now();
  try {
    const answer = await world.run(fallback);
    report.answers += 1;
    if (!isClose(answer, world.expected)) report.wrongAnswers += 1;
  } catch (error) {
    if (!isSplitError(error) || fallback === 'local') report.untyped.push(error);
    else report.errors[error.code] = (report.errors[error.code] ?? 0) + 1;
  }
  const overrunMs = performance.now() - startMs - world.deadlineMs;
  report.worstOverrunMs = Math.max(report.worstOverrunMs, overrunMs);
}

/** Kernels differ with what is fused, so the last bits may. */
function isClose(actual: Float32Array, expected: Float32Array): boolean {
  return (
    actual.length === expected.length &&
    actual.every((value, at) => Math.abs(value - (expected[at] ?? Number.NaN)) < 1e-4)
  );
}

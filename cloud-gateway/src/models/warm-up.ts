/** Warming up: every segment and every size of batch runs before the first request, and its time is kept. */
import {
  asSplitError,
  type Executor,
  type ExecutorRequest,
  type SizeCost,
  type Tensors,
} from '@cutpoint/sdk/gateway';

const TIMED_RUNS = 3;

/**
 * Median milliseconds of each segment over three runs, after one that is not counted.
 * @throws SplitError `runtime-failed` when the model does not run on these feeds
 */
export async function timeSegments(
  executor: Executor,
  o: { readonly feeds: Tensors; readonly fetches: readonly string[] },
): Promise<readonly number[]> {
  const runs: (readonly number[])[] = [];
  // The first run pays for allocations that later ones find done.
  await executor.run(o);
  for (let run = 0; run < TIMED_RUNS; run++) runs.push((await executor.run(o)).segmentMs);
  const segments = runs[0]?.length ?? 0;
  return Array.from({ length: segments }, (_, segment) => median(runs.map((run) => run[segment] ?? 0)));
}

export interface BatchTiming {
  readonly request: ExecutorRequest;
  /** Of one request by itself. */
  readonly aloneMs: number;
  readonly maxSize: number;
}

/** A size that gains less in relation to the best before it gains nothing. */
const LEAST_GAIN = 0.02;
/** So many in a row, and larger ones are not tried: one may be a hiccup.  */
const MOST_WITHOUT_GAIN = 2;
const TIMED_BATCHES = 3;

/** What batches take, at sizes that double until nothing is gained any more. A size that fails is the end too. */
export async function timeBatches(executor: Executor, o: BatchTiming): Promise<readonly SizeCost[]> {
  const costs: SizeCost[] = [{ size: 1, share: 1 }];
  if (executor.runBatch === undefined || o.aloneMs <= 0) return costs;
  let withoutGain = 0;
  try {
    // Like with like: the middle of some runs is longer than the best of others.
    const aloneMs = Math.min(o.aloneMs, await bestOf(executor, o.request, 1));
    for (let size = 2; size <= o.maxSize && withoutGain < MOST_WITHOUT_GAIN; size *= 2) {
      await runSize(executor, o.request, size);
      const best = Math.min(...costs.map(({ share }) => share));
      const share = (await bestOf(executor, o.request, size)) / (size * aloneMs);
      withoutGain = best - share >= LEAST_GAIN ? 0 : withoutGain + 1;
      costs.push({ size, share });
    }
  } catch (error) {
    // Memory for so many rows may not be there: the sizes before are what can be used.
    asSplitError(error);
  }
  return costs;
}

/** What disturbs a run only makes it longer. */
async function bestOf(executor: Executor, request: ExecutorRequest, size: number): Promise<number> {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run < TIMED_BATCHES; run++)
    bestMs = Math.min(bestMs, await runSize(executor, request, size));
  return bestMs;
}

async function runSize(executor: Executor, request: ExecutorRequest, size: number): Promise<number> {
  const results = await Promise.all(executor.runBatch?.(Array<ExecutorRequest>(size).fill(request)) ?? []);
  return Math.max(...results.map(({ segmentMs }) => segmentMs.reduce((sum, ms) => sum + ms, 0)));
}

/** Middle value; the lower of the two middle ones for an even count, 0 for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? 0;
}

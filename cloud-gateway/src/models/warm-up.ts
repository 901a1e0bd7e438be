/** Warming up: every segment runs before the first request, and its time goes into the announcement. */
import type { Executor, Tensors } from '@cutpoint/sdk/gateway';

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

/** Middle value; the lower of the two middle ones for an even count, 0 for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? 0;
}

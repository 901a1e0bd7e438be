/** Whether ranks compute what one runtime does, a segment at a time: never more of the model is loaded there than that. */
import { largestDifference } from '../cut/rows.ts';
import { segmentChain } from '../cut/segments.ts';
import { SplitError } from '../errors.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Tensors } from '../tensor.ts';
import type { RankedModel } from './ranked-executor.ts';

export interface CheckRanksOptions {
  readonly model: RankedModel;
  /** Computes each segment as it stands in the model. */
  readonly runtime: Runtime;
  readonly feeds: Tensors;
}

/** A graphics processor that computes products in fewer bits comes this far from a CPU. */
const TOLERANCE = 5e-3;

/**
 * @returns the largest difference, relative to the largest value of the tensor
 * @throws SplitError `runtime-failed`, saying where the values differ
 */
export async function checkRanks(ranks: Executor, o: CheckRanksOptions): Promise<number> {
  const { graph, types, source } = o.model;
  const { directory, location } = source;
  const segments = segmentChain(graph, ranks.cuts, { types, ...(location !== undefined && { location }) });
  let values = o.feeds;
  let largest = 0;
  for (const [index, { bytes, outputs: fetches }] of segments.entries()) {
    const whole = await o.runtime.load({ bytes, ...(directory !== undefined && { directory }) });
    const run = o.runtime.run({ models: [whole], feeds: values, fetches });
    const expected = await run.finally(() => whole.release());
    const part = { from: ranks.cuts[index - 1], to: ranks.cuts[index] };
    const actual = await ranks.run({ ...part, feeds: values, fetches });
    largest = Math.max(largest, differenceOf(actual.values, expected.values, fetches));
    values = { ...values, ...expected.values };
  }
  return largest;
}

function differenceOf(actual: Tensors, expected: Tensors, names: readonly string[]): number {
  const differences = names.map((name) => {
    const [own, whole] = [actual[name], expected[name]];
    const difference = own && whole ? largestDifference(own, whole) : Number.POSITIVE_INFINITY;
    if (difference <= TOLERANCE) return difference;
    throw new SplitError(
      'runtime-failed',
      `on ranks ${JSON.stringify(name)} differs by ${difference} of its largest value from what one runtime makes`,
    );
  });
  return Math.max(0, ...differences);
}

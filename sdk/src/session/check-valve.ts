/** Whether a valve graph computes what the chain does: every segment alone, and rows that enter at several cuts. */
import type { Cut } from '../cut/cut.ts';
import { largestDifference } from '../cut/rows.ts';
import { SplitError } from '../errors.ts';
import type { Executor, ExecutorRequest } from '../runtime/executor/executor.ts';
import type { ValveExecutor } from '../runtime/executor/valve.ts';
import type { Tensors } from '../tensor.ts';
import type { SplitModel } from './open-model.ts';

/** What the chain computed. */
export interface Reference {
  readonly feeds: Tensors;
  /** Feeds, outputs and everything that crosses a cut. */
  readonly values: Tensors;
  readonly outputs: readonly string[];
  /** Of the faster of two runs, in milliseconds. */
  readonly wholeMs: number;
}

/** A graphics processor that computes products in fewer bits comes this far from another order of them. */
const TOLERANCE = 5e-3;

export async function measureChain(chain: Executor, model: SplitModel, feeds: Tensors): Promise<Reference> {
  const outputs = model.outputs.map(({ name }) => name);
  const fetches = [...new Set([...outputs, ...chain.cuts.flatMap(crossing)])];
  const first = await chain.run({ feeds, fetches });
  const second = await chain.run({ feeds, fetches: outputs });
  const wholeMs = Math.min(sum(first.segmentMs), sum(second.segmentMs));
  return { feeds, values: { ...feeds, ...first.values }, outputs, wholeMs };
}

/** Runs about three times the model. @throws SplitError `runtime-failed`, saying where the values differ */
export async function checkValve(valve: ValveExecutor, reference: Reference): Promise<void> {
  const segmentMs: number[] = [];
  for (const [index, from] of [undefined, ...valve.cuts].entries()) {
    const to = valve.cuts[index];
    const request = { from, to, feeds: reference.values, fetches: to ? crossing(to) : reference.outputs };
    const result = await valve.run(request);
    compare(request, result.values, reference);
    segmentMs.push(sum(result.segmentMs));
  }
  valve.apportionBy(segmentMs);
  await checkBatch(valve, reference);
}

/** One row at the input, one at a cut in the middle and one at the last. */
async function checkBatch(valve: ValveExecutor, reference: Reference): Promise<void> {
  const { cuts } = valve;
  const entries = new Set([undefined, cuts[cuts.length >> 1], cuts.at(-1)]);
  const requests = [...entries].map((from) => ({
    from,
    feeds: reference.values,
    fetches: reference.outputs,
  }));
  const results = await Promise.all(valve.runBatch(requests));
  for (const [index, { values }] of results.entries()) {
    const request = requests[index];
    if (request) compare(request, values, reference);
  }
}

/** The faster of two runs, in milliseconds. */
export async function timeWhole(executor: Executor, { feeds, outputs }: Reference): Promise<number> {
  const first = await executor.run({ feeds, fetches: outputs });
  const second = await executor.run({ feeds, fetches: outputs });
  return Math.min(sum(first.segmentMs), sum(second.segmentMs));
}

function compare({ from, to, fetches }: ExecutorRequest, values: Tensors, reference: Reference): void {
  for (const name of fetches) {
    const [actual, expected] = [values[name], reference.values[name]];
    const difference = actual && expected ? largestDifference(actual, expected) : Number.POSITIVE_INFINITY;
    if (difference <= TOLERANCE) continue;
    const [start, end] = [from?.position ?? 'the inputs', to?.position ?? 'the outputs'];
    throw new SplitError(
      'runtime-failed',
      `${JSON.stringify(name)} differs by ${difference} of its largest value between ${start} and ${end}`,
    );
  }
}

function crossing({ tensors }: Cut): string[] {
  return tensors.map(({ name }) => name);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

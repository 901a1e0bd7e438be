/** Proof on demand: the head, then the tail with nothing but what crosses, against the whole model. */
import type { Cut } from '../cut/cut.ts';
import { asSplitError, type ErrorCode, SplitError } from '../errors.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import type { GraphOptimization, Runtime } from '../runtime/runtime.ts';
import type { ModelSource } from '../source/model-source.ts';
import type { Tensor, Tensors } from '../tensor.ts';
import { compareOutputs, type Difference } from './compare.ts';

export interface VerifyOptions {
  readonly source: ModelSource;
  readonly runtime: Runtime;
  /** Level at which the whole model runs; `openExecutor` must keep to the same. */
  readonly optimization: GraphOptimization;
  /** Names of the outputs to compare. */
  readonly outputs: readonly string[];
  /** At least one; each is run whole and split. */
  readonly feeds: readonly Tensors[];
  readonly cuts: readonly Cut[];
  /** Cuts that one executor holds at once. @default 1: one head and one tail */
  readonly together?: number | undefined;
  /** What runs heads and tails, for the given cuts. It is closed after use. */
  openExecutor(cuts: readonly Cut[]): Promise<Executor>;
  /** Called with each verdict as it is reached. */
  onVerdict?(verdict: Verdict): void;
}

/** What was found at one cut, over all feeds. */
export interface Verdict extends Difference {
  readonly cut: Cut;
  /** Why the cut could not be run; then `relative` is infinite. */
  readonly failure?: { readonly code: ErrorCode; readonly message: string };
}

/**
 * A verdict on each cut, in their order.
 * @throws SplitError what running the whole model throws; a cut that fails is a verdict
 */
export async function verifyCuts(options: VerifyOptions): Promise<readonly Verdict[]> {
  const expected = await runWhole(options);
  const verdicts: Verdict[] = [];
  for (const group of groupsOf(options.cuts, options.together ?? 1)) {
    for await (const verdict of verifyGroup(options, group, expected)) {
      verdicts.push(verdict);
      options.onVerdict?.(verdict);
    }
  }
  // Groups take cuts from all over the model; the caller's order is restored.
  return options.cuts.flatMap((cut) => verdicts.find((verdict) => verdict.cut === cut) ?? []);
}

/** Cuts that lie far from each other, so that each group is a plan that a session could have. */
function groupsOf(cuts: readonly Cut[], together: number): readonly (readonly Cut[])[] {
  const count = Math.ceil(cuts.length / Math.max(1, together));
  return Array.from({ length: count }, (_, group) => cuts.filter((_cut, i) => i % count === group));
}

/** The model as it is, without any of our rewriting. */
async function runWhole({
  source,
  runtime,
  optimization,
  outputs,
  feeds,
}: VerifyOptions): Promise<Tensors[]> {
  const where = source.directory === undefined ? {} : { directory: source.directory };
  const model = await runtime.load({ bytes: await source.read(), optimization, ...where });
  const results: Tensors[] = [];
  try {
    for (const one of feeds)
      results.push((await runtime.run({ models: [model], feeds: one, fetches: outputs })).values);
  } finally {
    await model.release();
  }
  return results;
}

async function* verifyGroup(
  options: VerifyOptions,
  cuts: readonly Cut[],
  expected: readonly Tensors[],
): AsyncGenerator<Verdict> {
  let executor: Executor | undefined;
  try {
    executor = await options.openExecutor(cuts);
  } catch (error) {
    for (const cut of cuts) yield failed(cut, error);
    return;
  }
  try {
    for (const cut of cuts) yield await verifyCut(options, executor, cut, expected);
  } finally {
    await executor.close();
  }
}

async function verifyCut(
  { outputs, feeds }: VerifyOptions,
  executor: Executor,
  cut: Cut,
  expected: readonly Tensors[],
): Promise<Verdict> {
  let worst: Difference = { isExact: true, relative: 0 };
  try {
    for (const [i, one] of feeds.entries()) {
      const difference = compareOutputs(
        await runSplit(executor, cut, one, outputs),
        expected[i] ?? {},
        outputs,
      );
      if (!difference.isExact && (worst.isExact || difference.relative > worst.relative)) worst = difference;
    }
  } catch (error) {
    return failed(cut, error);
  }
  return { cut, ...worst };
}

async function runSplit(
  executor: Executor,
  cut: Cut,
  feeds: Tensors,
  outputs: readonly string[],
): Promise<Tensors> {
  const kept = outputs.filter((name) => cut.headOutputs.includes(name));
  const crossing = cut.tensors.map(({ name }) => name);
  const head = await executor.run({ to: cut, feeds, fetches: [...new Set([...crossing, ...kept])] });
  const tail = await executor.run({
    from: cut,
    feeds: pick(head.values, crossing),
    fetches: outputs.filter((name) => !kept.includes(name)),
  });
  return { ...pick(head.values, kept), ...tail.values };
}

function pick(values: Tensors, names: readonly string[]): Tensors {
  const entries = names.map((name): [string, Tensor] => {
    const value = values[name];
    if (value === undefined)
      throw new SplitError('internal', `the head did not give ${JSON.stringify(name)}`);
    return [name, value];
  });
  return Object.fromEntries(entries);
}

function failed(cut: Cut, error: unknown): Verdict {
  const { code, message } = asSplitError(error);
  return { cut, isExact: false, relative: Number.POSITIVE_INFINITY, failure: { code, message } };
}

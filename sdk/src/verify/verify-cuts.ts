/**
 * Proof on demand: the head, then the tail with nothing but what crosses, against the whole model; and of two cuts the head, what
 * lies between them, and the last layers.
 */
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
  /** Of two cuts each, the second behind the first. @default none */
  readonly pairs?: readonly NestedCuts[] | undefined;
  /** Cuts that one executor holds at once. @default 1: one head and one tail */
  readonly together?: number | undefined;
  /** What runs heads and tails, for the given cuts. It is closed after use. */
  openExecutor(cuts: readonly Cut[]): Promise<Executor>;
  /** Called with each verdict as it is reached. */
  onVerdict?(verdict: Verdict): void;
}

export interface NestedCuts {
  readonly cut: Cut;
  readonly to: Cut;
}

/** Where the model is parted: once, or twice. */
interface Parting {
  readonly cut: Cut;
  readonly to?: Cut | undefined;
}

/** What was found at one cut or at two of them, over all feeds. */
export interface Verdict extends Difference, Parting {
  /** Why the cut could not be run; then `relative` is infinite. */
  readonly failure?: { readonly code: ErrorCode; readonly message: string };
}

/**
 * A verdict on each cut, in their order, then on each pair.
 * @throws SplitError what running the whole model throws; a cut that fails is a verdict
 */
export async function verifyCuts(options: VerifyOptions): Promise<readonly Verdict[]> {
  const expected = await runWhole(options);
  const { cuts, pairs = [], together = 1 } = options;
  const verdicts: Verdict[] = [];
  for (const group of [...groupsOf(cuts, together), ...groupsOfPairs(pairs, together)]) {
    for await (const verdict of verifyGroup(options, group, expected)) {
      verdicts.push(verdict);
      options.onVerdict?.(verdict);
    }
  }
  // Groups take cuts from all over the model; the caller's order is restored.
  return [...cuts.map((cut) => ({ cut, to: undefined })), ...pairs].flatMap(
    ({ cut, to }) => verdicts.find((verdict) => verdict.cut === cut && verdict.to === to) ?? [],
  );
}

/** Cuts that lie far from each other, so that each group is a plan that a session could have. */
function groupsOf(cuts: readonly Cut[], together: number): readonly (readonly Parting[])[] {
  const count = Math.ceil(cuts.length / Math.max(1, together));
  return Array.from({ length: count }, (_, group) =>
    cuts.flatMap((cut, i) => (i % count === group ? [{ cut }] : [])),
  );
}

/** As they come, as long as one executor need not hold more cuts than it may, or than a pair has. */
function groupsOfPairs(pairs: readonly NestedCuts[], together: number): readonly (readonly Parting[])[] {
  const groups: NestedCuts[][] = [];
  for (const pair of pairs) {
    const last = groups.at(-1);
    if (last && cutsOf([...last, pair]).length <= Math.max(2, together)) last.push(pair);
    else groups.push([pair]);
  }
  return groups;
}

/** Each once, by their place in the model. */
function cutsOf(group: readonly Parting[]): readonly Cut[] {
  const all = new Set(group.flatMap(({ cut, to }) => (to ? [cut, to] : [cut])));
  return [...all].sort((a, b) => a.position - b.position);
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
  group: readonly Parting[],
  expected: readonly Tensors[],
): AsyncGenerator<Verdict> {
  let executor: Executor | undefined;
  try {
    executor = await options.openExecutor(cutsOf(group));
  } catch (error) {
    for (const parting of group) yield failed(parting, error);
    return;
  }
  try {
    for (const parting of group) yield await verifyParting(options, { executor, parting, expected });
  } finally {
    await executor.close();
  }
}

interface PartingToVerify {
  readonly executor: Executor;
  readonly parting: Parting;
  /** Outputs of the whole model, for each of the feeds. */
  readonly expected: readonly Tensors[];
}

async function verifyParting(
  { outputs, feeds }: VerifyOptions,
  { executor, parting, expected }: PartingToVerify,
): Promise<Verdict> {
  let worst: Difference = { isExact: true, relative: 0 };
  try {
    for (const [i, one] of feeds.entries()) {
      const found = await runParted(executor, parting, one, outputs);
      const difference = compareOutputs(found, expected[i] ?? {}, outputs);
      if (!difference.isExact && (worst.isExact || difference.relative > worst.relative)) worst = difference;
    }
  } catch (error) {
    return failed(parting, error);
  }
  return { ...parting, ...worst };
}

/** Each part gets nothing but what crosses to it. */
async function runParted(
  executor: Executor,
  { cut, to }: Parting,
  feeds: Tensors,
  outputs: readonly string[],
): Promise<Tensors> {
  const ends = to ? [cut, to] : [cut];
  let values = feeds;
  let made: Tensors = {};
  for (const [i, end] of [...ends, undefined].entries()) {
    const from = i === 0 ? undefined : ends[i - 1];
    const crossing = end?.tensors.map(({ name }) => name) ?? [];
    const own = outputs.filter(
      (name) => made[name] === undefined && (!end || end.headOutputs.includes(name)),
    );
    const given =
      from === undefined
        ? feeds
        : pick(
            values,
            from.tensors.map(({ name }) => name),
          );
    // What crosses two cuts is there already.
    const fetches = [
      ...new Set([...crossing.filter((name) => given[name] === undefined || i === 0), ...own]),
    ];
    const part =
      fetches.length === 0 ? {} : (await executor.run({ from, to: end, feeds: given, fetches })).values;
    values = { ...given, ...part };
    made = { ...made, ...pick(values, own) };
  }
  return made;
}

function pick(values: Tensors, names: readonly string[]): Tensors {
  const entries = names.map((name): [string, Tensor] => {
    const value = values[name];
    if (value === undefined)
      throw new SplitError('internal', `the part before did not give ${JSON.stringify(name)}`);
    return [name, value];
  });
  return Object.fromEntries(entries);
}

function failed(parting: Parting, error: unknown): Verdict {
  const { code, message } = asSplitError(error);
  return { ...parting, isExact: false, relative: Number.POSITIVE_INFINITY, failure: { code, message } };
}

/** What the rows of a batch are, found by running the model: see cut/rows.ts for what is told apart. */
import type { Cut } from '../cut/cut.ts';
import { freeBatch } from '../cut/free-batch.ts';
import { classifyRows, type RowRuns, type RowTable, rowNoise } from '../cut/rows.ts';
import { asSplitError } from '../errors.ts';
import type { Graph } from '../onnx/graph.ts';
import { tensorInfoOf } from '../onnx/value-info.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type Tensor, type TensorInfo, type Tensors, tensorBytes } from '../tensor.ts';
import type { SplitModel } from './open-model.ts';
import { createProbe, loadWithOutputs } from './probe.ts';
import { guessRowAxes, type RowAxes, type RowFeeds, rowFeeds } from './row-feeds.ts';

export interface RowFindings {
  /** Kinds of all inputs and outputs and of what crosses the cuts; empty where rows cannot be run together. */
  readonly rows: RowTable;
  /** The model's graph, or, where its batch was fixed at one, a graph in which it is free. */
  readonly graph: Graph;
  /** In words: how many rows run together, or why none do. */
  readonly summary: string;
}

export interface ProbeRowsOptions {
  readonly cuts: readonly Cut[];
  readonly runtime: Runtime;
  /** Example feeds of the user; seeded numbers otherwise. */
  readonly feeds?: Tensors | undefined;
}

export type RowProbe = typeof probeRows;

/** Never throws for what the model is: the worst that is found is that rows must run one by one. */
export async function probeRows(model: SplitModel, options: ProbeRowsOptions): Promise<RowFindings> {
  let why = 'no dimension of the inputs is a batch';
  for (const axes of guessRowAxes(model.inputs)) {
    const feeds = rowFeeds(model.inputs, axes, { shapes: model.inputShapes, given: options.feeds });
    if (!feeds) return oneByOne(model, 'the size of an input is open, and no example says it');
    for (const graph of graphsToTry(model, axes)) {
      const found = await tryRows(model, options, { graph, axes, feeds });
      if (typeof found !== 'string') return found;
      why = found;
    }
  }
  return oneByOne(model, why);
}

function oneByOne({ graph }: SplitModel, why: string): RowFindings {
  return { rows: new Map(), graph, summary: `rows run one by one: ${why}` };
}

/** The graph as it is, where the batch is open; then one in which constants that fix it are computed. */
function* graphsToTry({ graph, inputs, types }: SplitModel, axes: RowAxes): Generator<Graph> {
  const isFixed = inputs.some(({ name, shape }) => typeof shape?.[axes.get(name) ?? -1] === 'number');
  if (!isFixed) yield graph;
  yield freeBatch(graph, { types, axes });
}

interface Attempt {
  readonly graph: Graph;
  readonly axes: RowAxes;
  readonly feeds: RowFeeds;
}

/** The reason as text where it fails. */
async function tryRows(
  model: SplitModel,
  options: ProbeRowsOptions,
  { graph, axes, feeds }: Attempt,
): Promise<RowFindings | string> {
  try {
    const names = namesToSee(model, options.cuts);
    const variant = { ...model, graph };
    const [alone = {}, batch = {}] = await runAll(variant, options, {
      names,
      feeds: [feeds.alone, feeds.batch],
    });
    const isFreed = graph !== model.graph;
    if (isFreed) {
      const [original = {}] = await runAll(model, options, { names, feeds: [feeds.alone] });
      if (!isSame(alone, original, names)) return 'a batch of one gave other values with the batch freed';
    }
    const runs = { ...feeds, alone, batch };
    const strict = classifyRows(runs);
    const isDoubtful = [...strict.values()].some(({ kind }) => kind === 'mixed');
    const [twins] = isDoubtful ? await runAll(variant, options, { names, feeds: [feeds.twins] }) : [];
    const found = twins
      ? classifyRows({ ...runs, tolerance: toleranceFor({ ...runs, batch: twins }) })
      : strict;
    const rows = new Map([...inputKinds(model.inputs, axes, feeds), ...found]);
    const bad = model.outputs.find(({ name }) => !['row', 'invariant'].includes(rows.get(name)?.kind ?? ''));
    if (bad) return `output ${JSON.stringify(bad.name)} is not of rows that are independent`;
    return {
      rows,
      graph,
      summary: isFreed ? 'rows run together, with the batch freed' : 'rows run together',
    };
  } catch (error) {
    return `a batch of ${feeds.batchRows} does not run: ${asSplitError(error).message.slice(0, 200)}`;
  }
}

/** What this processor's rounding may do, by a batch of equal rows; a hundredth is explained by no rounding. */
function toleranceFor(twins: RowRuns): number {
  return Math.min(1e-2, Math.max(1e-5, 4 * rowNoise(twins)));
}

function namesToSee({ outputs, inputs }: SplitModel, cuts: readonly Cut[]): string[] {
  const fed = new Set(inputs.map(({ name }) => name));
  const crossing = cuts.flatMap(({ tensors }) => tensors.map(({ name }) => name));
  return [...new Set([...outputs.map(({ name }) => name), ...crossing])].filter((name) => !fed.has(name));
}

interface Runs {
  readonly names: readonly string[];
  readonly feeds: readonly Tensors[];
}

/** Runs without optimisations, on one load. */
async function runAll(
  { graph, source }: SplitModel,
  { runtime }: ProbeRowsOptions,
  { names, feeds }: Runs,
): Promise<Tensors[]> {
  const inputs = graph.inputs.flatMap((input) => tensorInfoOf(input) ?? []);
  const probe = createProbe(graph, { source, runtime, inputs });
  const loaded = await loadWithOutputs(probe, names);
  try {
    const results: Tensors[] = [];
    for (const feed of feeds) {
      const { values } = await runtime.run({ models: [loaded], feeds: feed, fetches: names });
      results.push(values);
    }
    return results;
  } finally {
    await loaded.release();
  }
}

function isSame(a: Tensors, b: Tensors, names: readonly string[]): boolean {
  return names.every((name) => {
    const [one, other] = [a[name], b[name]];
    return one !== undefined && other !== undefined && isSameBytes(one, other);
  });
}

function isSameBytes(a: Tensor, b: Tensor): boolean {
  const [one, other] = [tensorBytes(a), tensorBytes(b)];
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

function inputKinds(inputs: readonly TensorInfo[], axes: RowAxes, { alone }: RowFeeds): RowTable {
  const kinds = inputs.flatMap(({ name }) => {
    const [axis, value] = [axes.get(name), alone[name]];
    if (!value) return [];
    const kind =
      axis === undefined
        ? ({ kind: 'invariant', value } as const)
        : ({ kind: 'row', axis, dims: value.dims } as const);
    return [[name, kind] as const];
  });
  return new Map(kinds);
}

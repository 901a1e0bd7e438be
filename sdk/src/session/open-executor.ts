/** From an opened model to what runs it: the valve graph where it proves itself, else the chain, else separate sessions. */
import type { Cut } from '../cut/cut.ts';
import { headOf, positionsBetween, prefixHead } from '../cut/head.ts';
import type { SymbolForm } from '../cut/quantise-nodes.ts';
import { segmentBetween, segmentOutputs } from '../cut/segments.ts';
import { type ValveGraph, valveGraph } from '../cut/valve-graph.ts';
import { asSplitError } from '../errors.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import { createSeparate } from '../runtime/executor/separate.ts';
import { createValve, type ValveExecutor } from '../runtime/executor/valve.ts';
import type { GraphOptimization, Runtime } from '../runtime/runtime.ts';
import type { Tensors } from '../tensor.ts';
import { checkValve, measureChain, type Reference, timeWhole } from './check-valve.ts';
import { computesInBlocks, openChain } from './open-chain.ts';
import type { SplitModel } from './open-model.ts';
import type { RowProbe } from './probe-rows.ts';
import { sampleFeeds } from './sample-feeds.ts';

export type ExecutorKind = 'valve' | 'chain' | 'separate';

export interface OpenExecutorOptions {
  /**
   * `auto` runs the model about ten times on `feeds` to find out which kind works and is fast; another kind is taken
   * at its word. @default 'auto'
   */
  readonly kind?: ExecutorKind | 'auto' | undefined;
  /** `probeRows`, where requests are to be run together: costs four of those runs. @default they run one by one */
  readonly rowProbe?: RowProbe | undefined;
  /**
   * Whether heads can give bytes instead of floats; `auto` where the runtime is on a graphics processor, as elsewhere
   * nothing is gained. @default 'auto'
   */
  readonly quantise?: 'auto' | 'on' | 'off' | undefined;
  /**
   * Whether what enters at a cut may come as bytes, which the graph makes floats of; `auto` where the runtime is on a
   * graphics processor, which then gets a quarter of the bytes. For gateways. @default 'off'
   */
  readonly dequantise?: 'auto' | 'on' | 'off' | undefined;
  /** Example feeds of the user. @default seeded numbers */
  readonly feeds?: Tensors | undefined;
  /** @default 'all' */
  readonly optimization?: GraphOptimization | undefined;
}

export interface OpenedExecutor extends Executor {
  readonly report: ExecutorReport;
  /**
   * The same on another runtime with the same provider, taken at its word: nothing is tried again. It lives on its own, and
   * this one may be closed before.
   * @throws SplitError `runtime-failed` where that runtime does not load it
   */
  reopen(runtime: Runtime): Promise<OpenedExecutor>;
}

/** What was chosen, and why; for logs and pages. */
export interface ExecutorReport {
  readonly kind: ExecutorKind;
  readonly reason: string;
  /** Whether rows of several requests run together, or why they do not. */
  readonly rows: string;
  /** Cuts at which rows neither enter nor leave a batch, with the reason. */
  readonly notBatched: readonly { readonly cut: Cut; readonly reason: string }[];
}

/**
 * @param cuts inside the model, by ascending position
 * @throws SplitError `cut-invalid`, and `runtime-failed` where no kind loads the model
 */
export async function openExecutor(
  model: SplitModel,
  cuts: readonly Cut[],
  runtime: Runtime,
  options: OpenExecutorOptions = {},
): Promise<OpenedExecutor> {
  const job: Job = { model, cuts, runtime, options };
  switch (options.kind ?? 'auto') {
    case 'valve':
      return openedValve(await openValve(job), job, 'asked for');
    case 'chain':
      return openedChain(await chainOf(job), job, 'asked for');
    case 'separate':
      return openedSeparate(job, 'asked for');
    case 'auto':
      return chooseKind(job);
  }
}

interface Job {
  readonly model: SplitModel;
  readonly cuts: readonly Cut[];
  readonly runtime: Runtime;
  readonly options: OpenExecutorOptions;
}

interface OpenedValve {
  readonly valve: ValveExecutor;
  readonly graph: ValveGraph;
  readonly rows: string;
}

function openedValve({ valve, graph, rows }: OpenedValve, job: Job, reason: string): OpenedExecutor {
  const notBatched = graph.gates.flatMap(({ cut, whyNotBatched }) =>
    whyNotBatched === undefined ? [] : [{ cut, reason: whyNotBatched }],
  );
  const report: ExecutorReport = { kind: 'valve', reason, rows, notBatched };
  const reopen = async (runtime: Runtime) => {
    const again = await valveOf({ ...job, runtime }, graph);
    again.apportionBy(valve.shares());
    return openedValve({ valve: again, graph, rows }, { ...job, runtime }, reason);
  };
  return { ...valve, report, reopen };
}

function openedChain(executor: Executor, job: Job, reason: string): OpenedExecutor {
  const reopen = async (runtime: Runtime) =>
    openedChain(await chainOf({ ...job, runtime }), { ...job, runtime }, reason);
  return { ...executor, report: unjoined('chain', reason), reopen };
}

function openedSeparate(job: Job, reason: string): OpenedExecutor {
  const reopen = async (runtime: Runtime) => openedSeparate({ ...job, runtime }, reason);
  return { ...openSeparate(job), report: unjoined('separate', reason), reopen };
}

function unjoined(kind: ExecutorKind, reason: string): ExecutorReport {
  return { kind, reason, rows: `rows run one by one: a ${kind} does not join them`, notBatched: [] };
}

/**
 * Chain and valve are never loaded at the same time: on a small device the weights fit once. The chain comes first,
 * since what it computes is what the valve is compared with.
 */
async function chooseKind(job: Job): Promise<OpenedExecutor> {
  const { model, cuts, options } = job;
  const feeds = options.feeds ?? sampleFeeds(model.inputs, model.inputShapes);
  if (cuts.length === 0) return fallBack(job, 'there is nothing to cut');
  if (!feeds) return fallBack(job, 'the size of an input is open, so the valve could not be tried');
  const reference = await referenceOf(job, feeds);
  if (typeof reference === 'string') return fallBack(job, reference);
  const valve = await tryValve(job, reference);
  return typeof valve === 'string' ? fallBack(job, valve) : valve;
}

async function fallBack(job: Job, reason: string): Promise<OpenedExecutor> {
  try {
    return openedChain(await chainOf(job), job, reason);
  } catch (error) {
    return openedSeparate(job, `${reason}; the chain: ${asSplitError(error).message}`);
  }
}

async function referenceOf(job: Job, feeds: Tensors): Promise<Reference | string> {
  try {
    const chain = await chainOf(job);
    return await measureChain(chain, job.model, feeds).finally(() => chain.close());
  } catch (error) {
    return `the model could not be tried: ${asSplitError(error).message}`;
  }
}

/** The valve may be this much slower than the chain for a single request: it makes up for it where requests meet. */
const MAX_SLOWDOWN = 1.2;
/** Less is not told from noise. */
const SLACK_MS = 1;

/** The reason as text where the chain is the better choice. */
async function tryValve(job: Job, reference: Reference): Promise<OpenedExecutor | string> {
  let valve: ValveExecutor | undefined;
  try {
    const made = await openValve(job);
    valve = made.valve;
    await checkValve(valve, reference);
    const valveMs = await timeWhole(valve, reference);
    const figures = `${valveMs.toFixed(1)} ms a run, the chain ${reference.wholeMs.toFixed(1)} ms`;
    if (valveMs <= reference.wholeMs * MAX_SLOWDOWN + SLACK_MS) return openedValve(made, job, figures);
    await valve.close();
    return `the valve is slower: ${figures}`;
  } catch (error) {
    await valve?.close();
    return `the valve failed: ${asSplitError(error).message}`;
  }
}

function chainOf({ model, cuts, runtime, options: { optimization } }: Job): Promise<Executor> {
  return openChain(model, cuts, runtime, optimization === undefined ? {} : { optimization });
}

async function openValve(job: Job): Promise<OpenedValve> {
  const { model, cuts, runtime, options } = job;
  const { rowProbe, feeds, optimization } = options;
  const { location } = model.source;
  const unknown = { rows: new Map(), graph: model.graph, summary: 'rows run one by one: batching is off' };
  const findings = rowProbe ? await rowProbe(model, { cuts, runtime, feeds }) : unknown;
  const isBlocked = computesInBlocks(runtime, optimization);
  const { types } = model;
  const quantise = symbolForm(runtime, options.quantise);
  const graph = valveGraph(findings.graph, cuts, {
    types,
    rows: findings.rows,
    location,
    isBlocked,
    quantise,
    dequantise: wantsBytes(runtime, options.dequantise),
  });
  return { valve: await valveOf(job, graph), graph, rows: findings.summary };
}

function valveOf(
  { model, runtime, options: { optimization } }: Job,
  graph: ValveGraph,
): Promise<ValveExecutor> {
  return createValve({ runtime, graph, directory: model.source.directory, optimization });
}

/** Where graphics processors work; WebGPU has no kernel that makes bytes. */
function symbolForm(
  { provider = '' }: Runtime,
  wish: OpenExecutorOptions['quantise'] = 'auto',
): SymbolForm | undefined {
  if (wish === 'off' || (wish === 'auto' && !GRAPHICS_PROVIDERS.includes(provider))) return undefined;
  return provider === 'webgpu' ? 'words' : 'bytes';
}

function wantsBytes({ provider = '' }: Runtime, wish: OpenExecutorOptions['dequantise'] = 'off'): boolean {
  return wish === 'on' || (wish === 'auto' && GRAPHICS_PROVIDERS.includes(provider));
}

const GRAPHICS_PROVIDERS = ['cuda', 'tensorrt', 'webgpu'];

function openSeparate({ model: { graph, types, source }, cuts, runtime, options }: Job): Executor {
  const { directory, location } = source;
  const bounds = [prefixHead(0), ...cuts.map(headOf), prefixHead(graph.nodes.length)];
  const isBlocked = computesInBlocks(runtime, options.optimization);
  const boundAt = (index: number) => bounds[index] ?? prefixHead(graph.nodes.length);
  const nodes = bounds
    .slice(1)
    .map((to, index) =>
      positionsBetween(graph, boundAt(index), to).flatMap((position) => graph.nodes[position] ?? []),
    );
  return createSeparate({
    runtime,
    cuts,
    modelOf: ({ first, end }, alsoOutputs) => {
      const segment = { types, alsoOutputs, isBlocked, ...(location !== undefined && { location }) };
      return segmentBetween(graph, boundAt(first), boundAt(end), segment).bytes;
    },
    outputs: nodes.map((list, index) => segmentOutputs(graph, list, boundAt(index + 1))),
    nodeCounts: nodes.map(({ length }) => length),
    directory,
    optimization: options.optimization,
  });
}

/** From a model file to a model that serves: opened, cut, loaded on every executor, warmed up and timed. */
import {
  asSplitError,
  type Batching,
  type Cut,
  candidateCuts,
  createBatchCost,
  type ModelSource,
  type OpenedExecutor,
  openExecutor,
  openModel,
  probeRows,
  type Runtime,
  type SizeCost,
  type SplitModel,
  sampleFeeds,
  type TensorInfo,
} from '@cutpoint/sdk/gateway';
import type { Log } from '../log.ts';
import type { PolicyFile } from '../policy/model-policy.ts';
import type { LaneExecutor } from '../serving/lane.ts';
import { createServedModel, type ServedModel, type ServedRange, type TimedCut } from './served-model.ts';
import { timeBatches, timeSegments } from './warm-up.ts';

export interface PrepareOptions {
  readonly name: string;
  readonly version: string;
  readonly source: ModelSource;
  /** At least one. The model is tried and timed on the first, and loaded on all. */
  readonly executors: readonly LaneExecutor[];
  /** Shapes at which cuts are chosen and timed; requests may come with others that the model takes. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  readonly maxCuts: number;
  /** Ids of cuts to offer besides. @default none */
  readonly alsoCuts?: readonly string[];
  /** The part that is served. @default the whole model */
  readonly range?: ServedRange | undefined;
  readonly maxBatch: number;
  /** Requests run on the executors meanwhile. @default false */
  readonly isServing?: boolean;
  /** @default none */
  readonly policy?: PolicyFile | undefined;
  readonly log: Log;
}

/** @throws SplitError `model-invalid`, `cut-invalid`, `options-invalid`, `runtime-failed` */
export async function prepareModel(o: PrepareOptions): Promise<ServedModel> {
  const [first, ...others] = o.executors;
  if (first === undefined) throw new TypeError('a gateway has at least one executor');
  const isGraphics = first.provider !== 'cpu';
  const replicas = new Map<string, OpenedExecutor>();
  try {
    const isBeside = (isGraphics || o.isServing === true) && first.startBeside !== undefined;
    const { model, tried } = isBeside ? await tryBeside(first, o) : await tryOn(first.runtime, o);
    const { kind, reason, rows } = tried.report;
    o.log.info({ model: o.name, executor: kind, reason, rows }, tried.description);
    replicas.set(first.name, isBeside ? await tried.reopen(first.runtime) : tried);
    for (const { name, runtime } of others) replicas.set(name, await tried.reopen(runtime));
    // From here on a graphics processor sees one number of rows alone.
    if (isGraphics) for (const replica of replicas.values()) replica.fillTo?.(o.maxBatch);
    const timed = await timeOrLog(model, replicas.get(first.name) ?? tried, o);
    for (const replica of [...replicas.values()].slice(1)) await warmUp(model, replica, o);
    return createServedModel({
      name: o.name,
      version: o.version,
      digest: model.digest,
      policy: o.policy?.bind(model),
      inputs: model.inputs,
      outputs: model.outputs,
      cuts: tried.cuts.map((cut, index) => timedCut(model.outputs, cut, timed?.segmentMs.slice(index + 1))),
      inputTailMs: sum(timed?.segmentMs),
      range: o.range,
      batching: batchingOf(tried),
      batchCost: createBatchCost(timed?.batches ?? [], { maxSize: o.maxBatch, isFilled: isGraphics }),
      isFilled: isGraphics,
      replicas,
    });
  } catch (error) {
    await Promise.all([...replicas.values()].map((replica) => replica.close()));
    throw error;
  }
}

interface Tried {
  readonly model: SplitModel;
  readonly tried: OpenedExecutor;
}

async function tryOn(runtime: Runtime, o: PrepareOptions): Promise<Tried> {
  const model = await openModel(o.source, runtime, { inputShapes: o.inputShapes });
  const cuts = candidateCuts(model.cuts, model.graph, { limit: o.maxCuts, also: o.alsoCuts ?? [] });
  // Heads do not run here.
  return {
    model,
    tried: await openExecutor(model, cuts, runtime, {
      dequantise: 'auto',
      quantise: 'off',
      rowProbe: probeRows,
    }),
  };
}

/**
 * Tried in a process that ends: ONNX Runtime gives memory back when it ends, and requests that run meanwhile do not wait for
 * the dozen sessions that trying takes. What was found holds for the same processor.
 */
async function tryBeside({ runtime, startBeside }: LaneExecutor, o: PrepareOptions): Promise<Tried> {
  const beside = await startBeside?.();
  try {
    return await tryOn(beside ?? runtime, o);
  } finally {
    await beside?.close();
  }
}

/** As the probe of rows found it. */
function batchingOf({ runBatch, report, cuts }: OpenedExecutor): Batching {
  if (runBatch === undefined || report.notBatched.length === cuts.length) return 'none';
  return report.notBatched.length === 0 ? 'mixed' : 'per-cut';
}

interface Timed {
  readonly segmentMs: readonly number[];
  readonly batches: readonly SizeCost[];
}

/** A model that cannot be timed at these shapes may still answer requests at others, so it is served all the same. */
async function timeOrLog(
  model: SplitModel,
  executor: OpenedExecutor,
  o: PrepareOptions,
): Promise<Timed | undefined> {
  const feeds = sampleFeeds(model.inputs, o.inputShapes);
  const hint = 'give the shapes of its inputs in the cutpoint.json beside it';
  if (feeds === undefined) {
    o.log.warn(
      { model: o.name },
      `the model is not timed and its cuts are not announced, as the size of its inputs is open: ${hint}`,
    );
    return undefined;
  }
  try {
    const request = { feeds, fetches: model.outputs.map(({ name }) => name) };
    const segmentMs = await timeSegments(executor, request);
    const batches = await timeBatches(executor, {
      request,
      aloneMs: sum(segmentMs) ?? 0,
      maxSize: batchingOf(executor) === 'none' ? 1 : o.maxBatch,
    });
    return { segmentMs, batches };
  } catch (error) {
    const { code, message } = asSplitError(error);
    o.log.warn(
      { model: o.name, code },
      `the model cannot be timed and its cuts are not announced: ${message}; ${hint}`,
    );
    return undefined;
  }
}

/** On a further executor: what is slow the first time is done before a request comes. */
async function warmUp(model: SplitModel, replica: OpenedExecutor, o: PrepareOptions): Promise<void> {
  const feeds = sampleFeeds(model.inputs, o.inputShapes);
  if (feeds === undefined) return;
  const request = { feeds, fetches: model.outputs.map(({ name }) => name) };
  await Promise.allSettled(replica.runBatch?.(Array(o.maxBatch).fill(request)) ?? [replica.run(request)]);
}

function timedCut(
  outputs: readonly TensorInfo[],
  cut: Cut,
  laterMs: readonly number[] | undefined,
): TimedCut {
  const { headOutputs } = cut;
  return { cut, outputs: outputs.filter(({ name }) => !headOutputs.includes(name)), tailMs: sum(laterMs) };
}

function sum(values: readonly number[] | undefined): number | undefined {
  return values?.reduce((total, value) => total + value, 0);
}

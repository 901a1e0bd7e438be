/** From a model file to a model that serves: opened, cut, loaded on every executor, warmed up and timed. */
import {
  asSplitError,
  type Cut,
  createBatchCost,
  type Executor,
  type ModelSource,
  type SizeCost,
  type SplitModel,
  sampleFeeds,
  type TensorInfo,
} from '@cutpoint/sdk/gateway';
import type { Log } from '../log.ts';
import type { PolicyFile } from '../policy/model-policy.ts';
import type { LaneExecutor } from '../serving/lane.ts';
import type { MemoryLedger } from './memory-ledger.ts';
import { openOnEach } from './open-on-each.ts';
import { openOnRanks, type RankedLoad } from './open-on-ranks.ts';
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
  /** Runs it on ranks. @default every executor has the whole model */
  readonly ranks?: RankedLoad | undefined;
  /** What the executors hold, and may hold. @default not checked */
  readonly memory?: MemoryLedger | undefined;
  /** Requests run on the executors meanwhile. @default false */
  readonly isServing?: boolean;
  /** @default none */
  readonly policy?: PolicyFile | undefined;
  readonly log: Log;
}

/** @throws SplitError `model-invalid`, `cut-invalid`, `options-invalid`, `runtime-failed`, `storage-failed` */
export async function prepareModel(o: PrepareOptions): Promise<ServedModel> {
  const { model, cuts, replicas, batching, isFilled, ranked } = await (o.ranks
    ? openOnRanks(o, o.ranks)
    : openOnEach(o));
  try {
    const [first, ...others] = new Set(replicas.values());
    if (first === undefined) throw new TypeError('a gateway has at least one executor');
    const timed = await timeOrLog(model, first, { ...o, isBatched: batching !== 'none' });
    for (const replica of others) await warmUp(model, replica, o);
    return createServedModel({
      name: o.name,
      version: o.version,
      digest: model.digest,
      policy: o.policy?.bind(model),
      inputs: model.inputs,
      outputs: model.outputs,
      cuts: cuts.map((cut, index) => timedCut(model.outputs, cut, timed?.segmentMs.slice(index + 1))),
      inputTailMs: sum(timed?.segmentMs),
      range: o.range,
      batching,
      batchCost: createBatchCost(timed?.batches ?? [], { maxSize: o.maxBatch, isFilled }),
      isFilled,
      replicas,
      ranked,
    });
  } catch (error) {
    await Promise.all([...replicas.values()].map((replica) => replica.close()));
    throw error;
  }
}

interface Timed {
  readonly segmentMs: readonly number[];
  readonly batches: readonly SizeCost[];
}

/** A model that cannot be timed at these shapes may still answer requests at others, so it is served all the same. */
async function timeOrLog(
  model: SplitModel,
  executor: Executor,
  o: PrepareOptions & { readonly isBatched: boolean },
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
      maxSize: o.isBatched ? o.maxBatch : 1,
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
async function warmUp(model: SplitModel, replica: Executor, o: PrepareOptions): Promise<void> {
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

/** From a model file to a model that serves: opened, cut, loaded into the executor that suits it, warmed up and timed. */
import {
  asSplitError,
  type Cut,
  candidateCuts,
  type Executor,
  type ModelSource,
  openExecutor,
  openModel,
  type Runtime,
  type SplitModel,
  sampleFeeds,
  type TensorInfo,
} from '@cutpoint/sdk/gateway';
import type { Log } from '../log.ts';
import { createServedModel, type ServedModel, type TimedCut } from './served-model.ts';
import { timeSegments } from './warm-up.ts';

export interface PrepareOptions {
  readonly name: string;
  readonly source: ModelSource;
  readonly runtime: Runtime;
  /** Shapes at which cuts are chosen and timed; requests may come with others that the model takes. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  readonly maxCuts: number;
  /** Ids of cuts to offer besides. @default none */
  readonly alsoCuts?: readonly string[];
  readonly log: Log;
}

/** @throws SplitError `model-invalid`, `cut-invalid`, `options-invalid`, `runtime-failed` */
export async function prepareModel(o: PrepareOptions): Promise<ServedModel> {
  const model = await openModel(o.source, o.runtime, { inputShapes: o.inputShapes });
  const cuts = candidateCuts(model.cuts, model.graph, { limit: o.maxCuts, also: o.alsoCuts ?? [] });
  const executor = await openExecutor(model, cuts, o.runtime);
  const { kind, reason, rows } = executor.report;
  o.log.info({ model: o.name, executor: kind, reason, rows }, executor.description);
  try {
    const segmentMs = await timeOrLog(model, executor, o);
    return createServedModel({
      name: o.name,
      digest: model.digest,
      inputs: model.inputs,
      outputs: model.outputs,
      cuts: executor.cuts.map((cut, index) => timedCut(model.outputs, cut, segmentMs?.slice(index + 1))),
      inputTailMs: sum(segmentMs),
      executor,
    });
  } catch (error) {
    await executor.close();
    throw error;
  }
}

/** A model that cannot be timed at these shapes may still answer requests at others, so it is served all the same. */
async function timeOrLog(
  model: SplitModel,
  executor: Executor,
  o: PrepareOptions,
): Promise<readonly number[] | undefined> {
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
    return await timeSegments(executor, { feeds, fetches: model.outputs.map(({ name }) => name) });
  } catch (error) {
    const { code, message } = asSplitError(error);
    o.log.warn(
      { model: o.name, code },
      `the model cannot be timed and its cuts are not announced: ${message}; ${hint}`,
    );
    return undefined;
  }
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

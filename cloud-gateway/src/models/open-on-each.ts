/** A model that every executor has a whole copy of: tried on one, loaded on all. */
import {
  type Batching,
  type Cut,
  candidateCuts,
  type Executor,
  type OpenedExecutor,
  openExecutor,
  openModel,
  probeRows,
  type Runtime,
  type SplitModel,
  weightBytes,
} from '@cutpoint/sdk/gateway';
import type { LaneExecutor } from '../serving/lane.ts';
import { checkWholeFits } from './executor-memory.ts';
import type { PrepareOptions } from './prepare-model.ts';
import type { RankedFacts } from './served-model.ts';

/** What runs a model, before it is timed. Close the replicas. */
export interface OpenedOn {
  readonly model: SplitModel;
  readonly cuts: readonly Cut[];
  /** By the executor's name; several may have the same. */
  readonly replicas: ReadonlyMap<string, Executor>;
  readonly batching: Batching;
  readonly isFilled: boolean;
  readonly ranked?: RankedFacts | undefined;
}

/** @throws SplitError `model-invalid`, `cut-invalid`, `options-invalid`, `runtime-failed` */
export async function openOnEach(o: PrepareOptions): Promise<OpenedOn> {
  const [first, ...others] = o.executors;
  if (first === undefined) throw new TypeError('a gateway has at least one executor');
  const isGraphics = first.provider !== 'cpu';
  const replicas = new Map<string, OpenedExecutor>();
  try {
    const isBeside = (isGraphics || o.isServing === true) && first.startBeside !== undefined;
    const { model, tried } = isBeside ? await tryBeside(first, o) : await tryOn(first.runtime, o);
    const { kind, reason, rows } = tried.report;
    o.log.info({ model: o.name, executor: kind, reason, rows }, tried.description);
    const { name, version } = o;
    const weights = { name, version, bytes: weightBytes(model.graph) };
    const hold = (executor: OpenedExecutor, runtime: Runtime) =>
      o.memory?.hold(executor, [{ ...weights, runtime }]) ?? executor;
    const opened = isBeside ? await tried.reopen(first.runtime) : tried;
    replicas.set(first.name, hold(opened, first.runtime));
    for (const other of others)
      replicas.set(other.name, hold(await tried.reopen(other.runtime), other.runtime));
    // From here on a graphics processor sees one number of rows alone.
    if (isGraphics) for (const replica of replicas.values()) replica.fillTo?.(o.maxBatch);
    return { model, cuts: tried.cuts, replicas, batching: batchingOf(tried), isFilled: isGraphics };
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
  checkWholeFits(model, o.executors, { ...o, cuts });
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

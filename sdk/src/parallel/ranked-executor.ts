/** The Executor of a rank group: a chain of segments between cuts, each of them computed by all ranks together. */
import { join } from 'node:path';
import type { Cut } from '../cut/cut.ts';
import type { TypesByName } from '../cut/legal-cuts.ts';
import { segmentChain } from '../cut/segments.ts';
import { SplitError } from '../errors.ts';
import { buildGraph, type Graph } from '../onnx/graph.ts';
import { readModel } from '../onnx/model.ts';
import type { Executor, ExecutorRequest, ExecutorResult } from '../runtime/executor/executor.ts';
import { checkCuts, findPart } from '../runtime/executor/part.ts';
import type { GraphOptimization, Runtime } from '../runtime/runtime.ts';
import { createRankGroup, type RankGroup } from './rank-group.ts';
import { type Shards, writeShards } from './shard-files.ts';
import { planShards, type ShardPlan } from './shard-plan.ts';

export interface RankedModel {
  readonly graph: Graph;
  /** As the model declares them. */
  readonly types: TypesByName;
  /** At the shapes that are fed: see ShardOptions. */
  readonly sizedTypes: TypesByName;
  readonly source: { readonly directory?: string; readonly location?: string };
}

export interface ShardModelOptions {
  readonly model: RankedModel;
  readonly cuts: readonly Cut[];
  readonly ranks: number;
  /** Where the ranks' files are put: about the model's size in all. */
  readonly directory: string;
  /** @default 65536 */
  readonly minSplitBytes?: number | undefined;
}

export interface RankedExecutorOptions extends Omit<ShardModelOptions, 'ranks'> {
  /** One for each rank. */
  readonly runtimes: readonly Runtime[];
  /** @default 'all' */
  readonly optimization?: GraphOptimization | undefined;
}

export interface OpenRankedOptions extends Pick<RankedExecutorOptions, 'cuts' | 'runtimes' | 'optimization'> {
  /** Of each segment between the cuts. */
  readonly shards: readonly Shards[];
}

export interface RankedExecutor extends Executor {
  readonly shards: readonly Shards[];
}

/** @throws SplitError `options-invalid`, `model-invalid`, `storage-failed`, `runtime-failed`; then nothing stays loaded */
export async function createRankedExecutor(options: RankedExecutorOptions): Promise<RankedExecutor> {
  const shards = await shardModel({ ...options, ranks: options.runtimes.length });
  return openRankedExecutor({ ...options, shards });
}

/** The same on shards that are there. @throws SplitError `options-invalid`, `runtime-failed`; then nothing stays loaded */
export async function openRankedExecutor(options: OpenRankedOptions): Promise<RankedExecutor> {
  const { runtimes, optimization, shards } = options;
  const cuts = checkCuts(options.cuts, shards.length);
  const groups: RankGroup[] = [];
  try {
    for (const one of shards) groups.push(await createRankGroup({ shards: one, runtimes, optimization }));
  } catch (error) {
    await closeAll(groups);
    throw error;
  }
  let closing: Promise<void> | undefined;

  async function run(request: ExecutorRequest): Promise<ExecutorResult> {
    if (closing) throw new SplitError('closed', 'the executor was closed');
    const { first, end } = findPart(cuts, request);
    const { signal } = request;
    let pool = request.feeds;
    const segmentMs: number[] = [];
    for (const group of groups.slice(first, end)) {
      const { values, elapsedMs } = await group.run({ feeds: pool, fetches: group.outputs, signal });
      pool = { ...pool, ...values };
      segmentMs.push(elapsedMs);
    }
    return { values: pick(pool, request.fetches), segmentMs };
  }

  return {
    cuts,
    shards,
    description: `${runtimes.length} ranks of ${shards.length} segments, ${runtimes[0]?.description}`,
    run,
    close: () => {
      closing ??= closeAll(groups);
      return closing;
    },
  };
}

/** Each segment between the cuts as shards, in a folder of its own. @throws SplitError `options-invalid`, `model-invalid`, `storage-failed` */
export async function shardModel(options: ShardModelOptions): Promise<readonly Shards[]> {
  const { model, directory } = options;
  const { types, source } = model;
  const shards: Shards[] = [];
  for (const [index, { graph, plan }] of planSegments(options).entries()) {
    const folder = join(directory, `segment-${index}`);
    shards.push(
      await writeShards(graph, plan, { types, sourceDirectory: source.directory, directory: folder }),
    );
  }
  return shards;
}

/** How each segment is parted; no weight is read. @throws SplitError `options-invalid` */
export function planSegments({
  model,
  cuts,
  ranks,
  minSplitBytes,
}: Omit<ShardModelOptions, 'directory'>): readonly { readonly graph: Graph; readonly plan: ShardPlan }[] {
  const { types, sizedTypes, source } = model;
  const where = source.location === undefined ? {} : { location: source.location };
  return segmentChain(model.graph, cuts, { types, ...where }).map(({ bytes }) => {
    const graph = buildGraph(readModel(bytes));
    return { graph, plan: planShards(graph, { ranks, sizedTypes, minSplitBytes }) };
  });
}

function pick(pool: ExecutorResult['values'], names: readonly string[]): ExecutorResult['values'] {
  return Object.fromEntries(
    names.map((name) => {
      const tensor = pool[name];
      if (!tensor) throw new SplitError('runtime-failed', `${JSON.stringify(name)} is neither fed nor made`);
      return [name, tensor];
    }),
  );
}

async function closeAll(groups: readonly RankGroup[]): Promise<void> {
  await Promise.all(groups.map((group) => group.close()));
}

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
import { planShards } from './shard-plan.ts';

export interface RankedModel {
  readonly graph: Graph;
  /** As the model declares them. */
  readonly types: TypesByName;
  /** At the shapes that are fed: see ShardOptions. */
  readonly sizedTypes: TypesByName;
  readonly source: { readonly directory?: string; readonly location?: string };
}

export interface RankedExecutorOptions {
  readonly model: RankedModel;
  readonly cuts: readonly Cut[];
  /** One for each rank. */
  readonly runtimes: readonly Runtime[];
  /** Where the ranks' files are put: about the model's size in all. */
  readonly directory: string;
  /** @default 65536 */
  readonly minSplitBytes?: number | undefined;
  /** @default 'all' */
  readonly optimization?: GraphOptimization | undefined;
}

/** @throws SplitError `options-invalid`, `model-invalid`, `runtime-failed`; then nothing stays loaded */
export async function createRankedExecutor(
  options: RankedExecutorOptions,
): Promise<Executor & { readonly shards: readonly Shards[] }> {
  const { runtimes, optimization } = options;
  const shards = await shardSegments(options);
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
      const { values, levelMs } = await group.run({ feeds: pool, fetches: group.outputs, signal });
      pool = { ...pool, ...values };
      segmentMs.push(levelMs.reduce((sum, ms) => sum + ms, 0));
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

/** Each segment of the chain as shards, in a folder of its own. */
async function shardSegments({
  model,
  cuts,
  runtimes,
  directory,
  minSplitBytes,
}: RankedExecutorOptions): Promise<Shards[]> {
  const { types, sizedTypes, source } = model;
  const where = source.location === undefined ? {} : { location: source.location };
  const shards: Shards[] = [];
  for (const [index, { bytes }] of segmentChain(model.graph, cuts, { types, ...where }).entries()) {
    const graph = buildGraph(readModel(bytes));
    const plan = planShards(graph, { ranks: runtimes.length, sizedTypes, minSplitBytes });
    const folder = join(directory, `segment-${index}`);
    shards.push(
      await writeShards(graph, plan, { types, sourceDirectory: source.directory, directory: folder }),
    );
  }
  return shards;
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

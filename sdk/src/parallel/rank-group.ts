/** A rank group: N runtimes that compute one model together, a level at a time, with collectives in this process's memory. */
import { SplitError } from '../errors.ts';
import type { GraphOptimization, LoadedModel, Runtime } from '../runtime/runtime.ts';
import type { Tensor, Tensors } from '../tensor.ts';
import { allGather, allReduce } from './collectives.ts';
import type { RankModel } from './rank-model.ts';
import type { Shards } from './shard-files.ts';
import type { Collective } from './shard-plan.ts';

export interface RankGroup {
  readonly ranks: number;
  readonly description: string;
  /** Everything that the model makes for those outside it. */
  readonly outputs: readonly string[];
  run(request: RankGroupRequest): Promise<RankGroupResult>;
  /** Releases the models; the runtimes stay. Safe to call twice. */
  close(): Promise<void>;
}

export interface RankGroupRequest {
  readonly feeds: Tensors;
  /** Outputs of the model, or feeds. */
  readonly fetches: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

export interface RankGroupResult {
  readonly values: Tensors;
  /** Of each level, the slowest rank's run, in milliseconds. */
  readonly levelMs: readonly number[];
  /** All of it, in milliseconds: levels, collectives, and what they wait for each other and for other runs. */
  readonly elapsedMs: number;
}

export interface RankGroupOptions {
  readonly shards: Shards;
  /** One for each rank. */
  readonly runtimes: readonly Runtime[];
  /** @default 'all' */
  readonly optimization?: GraphOptimization | undefined;
}

interface LoadedRank {
  readonly runtime: Runtime;
  readonly levels: readonly (LoadedLevel | undefined)[];
}

interface LoadedLevel extends RankModel {
  readonly model: LoadedModel;
}

/** @throws SplitError `options-invalid`, and what `runtime.load` throws; then nothing stays loaded */
export async function createRankGroup(options: RankGroupOptions): Promise<RankGroup> {
  const { shards, runtimes } = options;
  const { plan } = shards;
  if (runtimes.length !== plan.ranks)
    throw new SplitError('options-invalid', `${runtimes.length} runtimes for ${plan.ranks} ranks`);
  const ranks = await loadRanks(options);
  let closing: Promise<void> | undefined;

  async function run({ feeds, fetches, signal }: RankGroupRequest): Promise<RankGroupResult> {
    if (closing) throw new SplitError('closed', 'the rank group was closed');
    const pools = ranks.map(() => new Map(Object.entries(feeds)));
    const levelMs: number[] = [];
    const startMs = performance.now();
    for (const [index, { collectives }] of plan.levels.entries()) {
      const times = await Promise.all(
        ranks.map((rank, i) => runLevel(rank, index, { pool: pools[i], signal })),
      );
      levelMs.push(Math.max(...times));
      for (const collective of collectives) perform(collective, pools);
    }
    const values = Object.fromEntries(fetches.map((name) => [name, fetched(pools[0], name)]));
    return { values, levelMs, elapsedMs: performance.now() - startMs };
  }

  return {
    ranks: plan.ranks,
    outputs: plan.outputs,
    description: `${plan.ranks} ranks of ${plan.levels.length} levels, ${runtimes[0]?.description}`,
    run,
    close: () => {
      closing ??= release(ranks);
      return closing;
    },
  };
}

async function runLevel(
  { runtime, levels }: LoadedRank,
  index: number,
  {
    pool = new Map(),
    signal,
  }: { readonly pool: Map<string, Tensor> | undefined; readonly signal: AbortSignal | undefined },
): Promise<number> {
  const level = levels[index];
  if (!level) return 0;
  const feeds = Object.fromEntries(level.inputs.map((name) => [name, fetched(pool, name)]));
  const request = { models: [level.model], feeds, fetches: level.outputs };
  const { values, stepMs } = await runtime.run({ ...request, ...(signal && { signal }) });
  for (const [name, tensor] of Object.entries(values)) pool.set(name, tensor);
  return stepMs[0] ?? 0;
}

function perform({ kind, from, to, axis }: Collective, pools: readonly Map<string, Tensor>[]): void {
  const parts = pools.map((pool) => fetched(pool, from));
  const whole = kind === 'all-gather' ? allGather(parts, axis) : allReduce(parts);
  for (const pool of pools) pool.set(to, whole);
}

function fetched(pool: ReadonlyMap<string, Tensor> | undefined, name: string): Tensor {
  const tensor = pool?.get(name);
  if (!tensor) throw new SplitError('runtime-failed', `${JSON.stringify(name)} is neither fed nor made`);
  return tensor;
}

async function loadRanks({ shards, runtimes, optimization }: RankGroupOptions): Promise<LoadedRank[]> {
  const { directory } = shards;
  const where = { directory, ...(optimization && { optimization }) };
  const loaded: LoadedRank[] = [];
  try {
    for (const [rank, runtime] of runtimes.entries()) {
      const levels: (LoadedLevel | undefined)[] = [];
      loaded.push({ runtime, levels });
      for (const model of shards.ranks[rank]?.models ?? [])
        levels.push(model && { ...model, model: await runtime.load({ bytes: model.bytes, ...where }) });
    }
    return loaded;
  } catch (error) {
    await release(loaded);
    throw error;
  }
}

async function release(ranks: readonly LoadedRank[]): Promise<void> {
  await Promise.all(ranks.flatMap(({ levels }) => levels.map((level) => level?.model.release())));
}

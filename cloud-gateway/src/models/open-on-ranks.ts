/**
 * A model that is parted over ranks, each with its share of the weights: its files are made or found, opened on every set of
 * ranks, and compared with the whole model on the CPU, a segment at a time. Requests run one by one.
 */
import {
  candidateCuts,
  checkRanks,
  type Executor,
  openModel,
  openRankedExecutor,
  type RankMemory,
  type Runtime,
  rankMemory,
  type ShardCache,
  SplitError,
  type SplitModel,
  sampleFeeds,
  type WantedShards,
} from '@cutpoint/sdk/gateway';
import type { RankSet, RankSets } from '../serving/rank-sets.ts';
import { checkRanksFit } from './executor-memory.ts';
import type { MemoryPlace, PlacedWeights } from './memory-ledger.ts';
import type { OpenedOn } from './open-on-each.ts';
import type { PrepareOptions } from './prepare-model.ts';

export interface RankedLoad {
  /** Over so many the model is parted. */
  readonly count: number;
  readonly sets: RankSets;
  /** Absent where the gateway was given no folder for their files. */
  readonly cache?: ShardCache | undefined;
}

/** @throws SplitError `options-invalid`, `model-invalid`, `runtime-failed`, `provider-unavailable`, `storage-failed` */
export async function openOnRanks(o: PrepareOptions, { count, sets, cache }: RankedLoad): Promise<OpenedOn> {
  if (cache === undefined)
    throw new SplitError(
      'options-invalid',
      `the cutpoint.json of model '${o.name}' says ranks: give a folder for their files with ranksFolder`,
    );
  const own = await sets.take(count);
  const replicas = new Map<string, Executor>();
  let beside: Runtime | undefined;
  try {
    beside = await sets.startBeside();
    const model = await openModel(o.source, beside, { inputShapes: o.inputShapes });
    checkShapes(model, o.name);
    const cuts = candidateCuts(model.cuts, model.graph, { limit: o.maxCuts, also: o.alsoCuts ?? [] });
    const parts = rankMemory(model, { cuts, ranks: count });
    checkRanksFit(model, { places: own.map((set) => placesOf(set, o)), parts }, { ...o, cuts });
    const wanted = { digest: model.digest, model, cuts, ranks: count };
    for (const set of own) {
      const { executor: opened, wasThere } = await openSet(set, cache, wanted);
      const executor = o.memory?.hold(opened, heldBy(set, parts, o)) ?? opened;
      for (const name of set.executors) replicas.set(name, executor);
      const difference = await checkOn(executor, { model, runtime: beside, shapes: o.inputShapes });
      o.log.info({ model: o.name, ranks: count, wasThere, difference }, executor.description);
    }
    const runtimes = own.map((set) => set.runtimes);
    return {
      ...{ model, cuts, replicas, batching: 'none', isFilled: false },
      ranked: {
        ranks: count,
        types: model.sizedTypes,
        canRun: () => runtimes.some((ranks) => ranks.every(({ hasFailed }) => hasFailed !== true)),
      },
    };
  } catch (error) {
    await Promise.all([...replicas.values()].map((replica) => replica.close()));
    await Promise.all(own.map((set) => set.close()));
    throw error;
  } finally {
    await beside?.close();
  }
}

/** Graphics processors hold whole models as well; processes of ranks have no name of their own. */
function placesOf({ runtimes }: RankSet, { executors }: PrepareOptions): readonly MemoryPlace[] {
  return runtimes.map((runtime, rank) => ({
    runtime,
    name: executors.find((one) => one.runtime === runtime)?.name ?? `rank ${rank}`,
  }));
}

function heldBy(
  { runtimes }: RankSet,
  { eachBytes }: RankMemory,
  { name, version }: PrepareOptions,
): readonly PlacedWeights[] {
  return runtimes.map((runtime, rank) => ({ runtime, name, version, bytes: eachBytes[rank] ?? 0 }));
}

/** Weights are parted by the shapes of what they meet, and hold for these alone. */
function checkShapes({ inputs, sizedTypes }: SplitModel, name: string): void {
  for (const { name: input, shape } of inputs) {
    const sized = sizedTypes.get(input)?.shape;
    if (sized?.every((dim) => typeof dim === 'number')) continue;
    throw new SplitError(
      'options-invalid',
      `ranks need the shape of every input, and '${input}' of model '${name}' is [${shape?.join(',') ?? '?'}]: give it under inputs in its cutpoint.json`,
    );
  }
}

interface OpenedSet {
  readonly executor: Executor;
  readonly wasThere: boolean;
}

/** With the executor the set is closed and its files are let go. */
async function openSet(set: RankSet, cache: ShardCache, wanted: WantedShards): Promise<OpenedSet> {
  const { shards, wasThere, letGo } = await cache.take(wanted);
  try {
    const { cuts } = wanted;
    const executor = await openRankedExecutor({ shards, cuts, runtimes: set.runtimes });
    let closing: Promise<void> | undefined;
    const closeAll = () =>
      executor
        .close()
        .finally(() => set.close())
        .finally(letGo);
    const close = () => {
      closing ??= closeAll();
      return closing;
    };
    return { executor: { ...executor, close }, wasThere };
  } catch (error) {
    letGo();
    throw error;
  }
}

/** @returns the largest relative difference; undefined for inputs that are too large to be made up */
async function checkOn(
  executor: Executor,
  {
    model,
    runtime,
    shapes,
  }: {
    readonly model: SplitModel;
    readonly runtime: Runtime;
    readonly shapes: PrepareOptions['inputShapes'];
  },
): Promise<number | undefined> {
  const feeds = sampleFeeds(model.inputs, shapes);
  return feeds && checkRanks(executor, { model, runtime, feeds });
}

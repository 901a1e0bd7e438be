/** What ranks hold of a model's weights, and how many ranks it takes: known from the plan, before anything is written. */
import type { Cut } from '../cut/cut.ts';
import { planSegments, type RankedModel } from './ranked-executor.ts';
import { rankWeights, weightBytes } from './wanted-weights.ts';

export interface RankMemory {
  readonly ranks: number;
  /** Weights of the rank that holds most. */
  readonly bytes: number;
  /** Of each rank. */
  readonly eachBytes: readonly number[];
  /** Of the rank that holds most, weights that no rule parts: more ranks do not make them fewer. */
  readonly wholeBytes: number;
}

export interface RankMemoryOptions {
  /** Segments between them are parted each by itself. */
  readonly cuts: readonly Cut[];
  /** @default 65536 */
  readonly minSplitBytes?: number | undefined;
}

const MAX_RANKS = 64;

/** @throws SplitError `options-invalid` for an impossible number of ranks */
export function rankMemory(
  model: RankedModel,
  { ranks, ...options }: RankMemoryOptions & { readonly ranks: number },
): RankMemory {
  const held = Array.from({ length: ranks }, () => ({ bytes: 0, wholeBytes: 0 }));
  for (const { graph, plan } of planSegments({ ...options, model, ranks }))
    for (const [rank, own] of rankWeights(graph, plan, model.types).entries()) {
      const all = held[rank] as (typeof held)[number];
      all.bytes += own.bytes;
      all.wholeBytes += own.wholeBytes;
    }
  const eachBytes = held.map(({ bytes }) => bytes);
  return { ranks, eachBytes, ...held.reduce((most, one) => (one.bytes > most.bytes ? one : most)) };
}

/**
 * The fewest ranks of which each holds no more than that; undefined where one runtime has room for all weights, or 64 ranks
 * have not.
 */
export function fewestRanks(
  model: RankedModel,
  { memoryBytes, ...options }: RankMemoryOptions & { readonly memoryBytes: number },
): RankMemory | undefined {
  const total = weightBytes(model.graph);
  if (total <= memoryBytes) return undefined;
  // No plan does better than even parts.
  let ranks = Math.max(2, Math.ceil(total / memoryBytes));
  while (ranks <= MAX_RANKS) {
    const memory = rankMemory(model, { ...options, ranks });
    if (memory.bytes <= memoryBytes) return memory;
    if (memory.wholeBytes >= memoryBytes) return undefined;
    ranks += 1;
  }
  return undefined;
}

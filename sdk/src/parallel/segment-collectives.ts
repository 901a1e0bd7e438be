/** What the ranks of a model bring together in each segment: how often, and how much they move. Known from the plan. */
import type { TypesByName } from '../cut/legal-cuts.ts';
import { elementCount, TENSOR_TYPES } from '../tensor.ts';
import { planSegments, type ShardModelOptions } from './ranked-executor.ts';
import type { ShardPlan } from './shard-plan.ts';

export interface CollectiveCount {
  readonly count: number;
  /** From the ranks and to them, together; values of open size do not count. */
  readonly bytes: number;
}

/** Of each segment between the cuts. @throws SplitError `options-invalid` for an impossible number of ranks */
export function segmentCollectives(
  options: Omit<ShardModelOptions, 'directory'>,
): readonly CollectiveCount[] {
  return planSegments(options).map(({ plan }) => countOf(plan, options.model.sizedTypes));
}

function countOf({ levels, ranks }: ShardPlan, types: TypesByName): CollectiveCount {
  const all = levels.flatMap(({ collectives }) => collectives);
  const moved = all.map(({ kind, to }) => {
    const wholeBytes = bytesOf(to, types);
    // Sums come whole from each rank, parts once; both go whole to each.
    return (kind === 'all-reduce' ? ranks * wholeBytes : wholeBytes) + ranks * wholeBytes;
  });
  return { count: all.length, bytes: moved.reduce((sum, bytes) => sum + bytes, 0) };
}

function bytesOf(name: string, types: TypesByName): number {
  const type = types.get(name);
  const dims = type?.shape?.filter((dim) => typeof dim === 'number');
  if (!type || dims?.length !== type.shape?.length) return 0;
  return elementCount(dims ?? []) * TENSOR_TYPES[type.type].bytes;
}

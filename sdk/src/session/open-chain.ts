/** From an opened model to an executor: the chain of segments between the cuts that are offered. */
import type { Cut } from '../cut/cut.ts';
import { segmentChain } from '../cut/segments.ts';
import { createChain } from '../runtime/executor/chain.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import type { GraphOptimization, Runtime } from '../runtime/runtime.ts';
import type { SplitModel } from './open-model.ts';

/**
 * @param cuts inside the model, by ascending position
 * @throws SplitError `runtime-failed` where a segment does not load; then none stays loaded
 */
export function openChain(
  model: SplitModel,
  cuts: readonly Cut[],
  runtime: Runtime,
  options: { readonly optimization?: GraphOptimization } = {},
): Promise<Executor> {
  const { directory, location } = model.source;
  const segments = segmentChain(model.graph, cuts, {
    types: model.types,
    isBlocked: computesInBlocks(runtime, options.optimization),
    ...(location !== undefined && { location }),
  });
  return createChain({ runtime, segments, cuts, directory, ...options });
}

/** Where graphs are worth writing for it: see cut/blocked-layout.ts. */
export function computesInBlocks({ provider }: Runtime, optimization: GraphOptimization = 'all'): boolean {
  return provider === 'cpu' && optimization === 'all';
}

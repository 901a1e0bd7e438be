/**
 * Blocks: a cut problem falls apart at nodes that every other node comes before or after. A head ends within one block,
 * so each block can be solved alone: a residual net of a thousand nodes is a hundred problems of a few nodes.
 */
import type { CutProblem } from './cut-problem.ts';

/** Heads that hold all nodes before `first`, none from `end` on, and any of those between. */
export interface CutBlock {
  readonly first: number;
  readonly end: number;
}

/**
 * The blocks in order; every allowed head but the whole graph is within exactly one. The whole graph is at the end of
 * the last, or in none.
 */
export function cutBlocks(problem: CutProblem): readonly CutBlock[] {
  const count = problem.edgeMs.length;
  const waists = waistsOf(problem);
  const firsts = [0, ...waists.map((node) => node + 1)];
  const ends = [...waists, count];
  return firsts.map((first, place) => ({ first, end: ends[place] ?? count }));
}

/**
 * Nodes that are before or after every other. All later nodes come after node i when each reads from i or a later one;
 * all earlier nodes come before it when each is read by i or an earlier one.
 */
function waistsOf(problem: CutProblem): number[] {
  const count = problem.edgeMs.length;
  const { lastSource, firstReader } = neighbours(problem);
  const sourceFloor = new Int32Array(count + 1).fill(count);
  for (let node = count - 1; node >= 0; node--)
    sourceFloor[node] = Math.min(sourceFloor[node + 1] ?? count, lastSource[node] ?? -1);
  const waists: number[] = [];
  let readerCeiling = -1;
  for (let node = 0; node < count; node++) {
    if (readerCeiling <= node && (sourceFloor[node + 1] ?? count) >= node) waists.push(node);
    readerCeiling = Math.max(readerCeiling, firstReader[node] ?? count);
  }
  return waists;
}

function neighbours({ edgeMs, tensors }: CutProblem) {
  const lastSource = new Int32Array(edgeMs.length).fill(-1);
  const firstReader = new Int32Array(edgeMs.length).fill(edgeMs.length);
  for (const { producer, consumers } of tensors) {
    for (const consumer of consumers) {
      if (producer > (lastSource[consumer] ?? -1)) lastSource[consumer] = producer;
      if (producer >= 0 && consumer < (firstReader[producer] ?? 0)) firstReader[producer] = consumer;
    }
  }
  return { lastSource, firstReader };
}

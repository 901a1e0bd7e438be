/** Candidate cuts: the few, of all legal ones, that are worth offering to a planner. */
import { SplitError } from '../errors.ts';
import type { Graph } from '../onnx/graph.ts';
import { TENSOR_TYPES } from '../tensor.ts';
import type { Cut } from './cut.ts';
import { fusionGroups, isInsideFusion } from './fusion.ts';

export interface CandidateOptions {
  /** Most cuts to return. Minimum 1. @default 8 */
  readonly limit?: number;
  /** Ids of cuts to return besides these. @default none */
  readonly also?: readonly string[];
}

/**
 * At most `limit` cuts with work on both sides, by ascending position: of each slice of the depth the one that
 * sends least, then those that send less than every earlier cut. No cut is inside a group of fused nodes.
 * The same cuts give the same answer on every machine.
 * @throws SplitError `options-invalid`, `cut-invalid` for an id in `also` that is none of a cut that may be offered
 */
export function candidateCuts(
  cuts: readonly Cut[],
  graph: Graph,
  { limit = 8, also = [] }: CandidateOptions = {},
): Cut[] {
  if (!Number.isInteger(limit) || limit < 1)
    throw new SplitError('options-invalid', `limit ${limit} is not 1 or more`);
  const offered = offeredCuts(cuts, graph);
  const chosen = new Set(smallestOfSlices(offered, limit));
  const records = recordLows(offered).sort((a, b) => sizeOf(a) - sizeOf(b) || a.position - b.position);
  for (const cut of records) if (chosen.size < limit) chosen.add(cut);
  for (const id of also) chosen.add(namedCut(offered, id));
  return offered.filter((cut) => chosen.has(cut));
}

function namedCut(offered: readonly Cut[], id: string): Cut {
  const cut = offered.find((candidate) => candidate.id === id);
  if (cut) return cut;
  throw new SplitError(
    'cut-invalid',
    `cut '${id}' is none of the ${offered.length} cuts that can be offered`,
  );
}

/** The cuts with work on both sides that part no group of fused nodes, by ascending position. */
export function offeredCuts(cuts: readonly Cut[], graph: Graph): Cut[] {
  const groups = fusionGroups(graph);
  // Of closedCuts, those at positions of the file's order: each head lies within the next, as executors need it.
  const isInner = ({ position, headNodes }: Cut) =>
    position > 0 && position < graph.nodes.length && headNodes === undefined;
  const inner = cuts.filter((cut) => isInner(cut) && !isInsideFusion(graph, cut.position, groups));
  return inner.sort((a, b) => a.position - b.position);
}

function smallestOfSlices(cuts: readonly Cut[], count: number): Cut[] {
  const smallest = new Map<number, Cut>();
  for (const cut of cuts) {
    const slice = Math.floor(cut.depth * count);
    const rival = smallest.get(slice);
    if (!rival || sizeOf(cut) < sizeOf(rival)) smallest.set(slice, cut);
  }
  return [...smallest.values()];
}

/** Cuts that no earlier cut dominates, that is, sends as little or less. */
function recordLows(cuts: readonly Cut[]): Cut[] {
  let lowest = Number.POSITIVE_INFINITY;
  return cuts.filter((cut) => {
    if (sizeOf(cut) >= lowest) return false;
    lowest = sizeOf(cut);
    return true;
  });
}

/** Bytes, or, where a shape is not known, the bytes if every unknown dimension were 1: good enough to compare by. */
function sizeOf({ bytes, tensors }: Cut): number {
  if (bytes !== null) return bytes;
  const sizes = tensors.map(({ type, shape }) => {
    const known = (shape ?? []).filter((dim) => typeof dim === 'number');
    return known.reduce((product, dim) => product * dim, TENSOR_TYPES[type].bytes);
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

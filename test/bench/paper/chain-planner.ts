/**
 * Neurosurgeon's planner (ASPLOS 2017): the model as a chain of layers, cut where one tensor crosses, its cost the sum of
 * the layers' times and what crosses as it is. It knows neither cuts through branches nor what fusion saves.
 */
import {
  type CutProblem,
  type HeadMask,
  headLine,
  isAllowedHead,
  isCrossing,
} from '../../../sdk/src/planner/cut-problem.ts';
import { lineAt } from '../../../sdk/src/planner/envelope.ts';

export interface BaselinePick {
  readonly headSet: HeadMask;
  /** What the baseline itself believes, in milliseconds. */
  readonly believedMs: number;
}

/**
 * The best chain cut on one link of `x` milliseconds per byte; of equally good ones the shallowest. Undefined where the
 * problem allows none.
 */
export function chainPick(problem: CutProblem, x: number): BaselinePick | undefined {
  let best: BaselinePick | undefined;
  for (const headSet of chainHeads(problem)) {
    const believedMs = lineAt(headLine(problem, headSet), x);
    if (!best || believedMs < best.believedMs) best = { headSet, believedMs };
  }
  return best;
}

/** All in the cloud, all on the device, and every prefix of the file's order that one tensor leaves. */
export function chainHeads(problem: CutProblem): readonly HeadMask[] {
  const count = problem.edgeMs.length;
  return Array.from({ length: count + 1 }, (_, position) => prefixHead(count, position)).filter(
    (head, position) => isAllowedHead(problem, head) && (position === 0 || crossings(problem, head) <= 1),
  );
}

/** The chain cut whose depth in nodes is nearest to one half: what is built by hand and never moved. */
export function fixedMidHead(problem: CutProblem): HeadMask | undefined {
  const half = problem.edgeMs.length / 2;
  const distance = (head: HeadMask) => Math.abs(head.reduce((nodes, bit) => nodes + bit, 0) - half);
  return chainHeads(problem).toSorted((a, b) => distance(a) - distance(b))[0];
}

function prefixHead(count: number, position: number): HeadMask {
  return new Uint8Array(count).fill(1, 0, position);
}

function crossings({ tensors }: CutProblem, head: HeadMask): number {
  return tensors.filter((tensor) => isCrossing(tensor, head)).length;
}

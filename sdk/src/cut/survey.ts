/** A survey of a model's cuts: for each, whether it is offered, and if not, why. */
import type { Graph } from '../onnx/graph.ts';
import { candidateCuts } from './candidates.ts';
import type { Cut } from './cut.ts';
import { fusionGroups, groupAround } from './fusion.ts';

export interface SurveyedCut {
  readonly cut: Cut;
  /** Whether a planner may be offered it: work on both sides, and no group of fused nodes parted. */
  readonly isOffered: boolean;
  /** Whether it is among the few that a session chooses from unless told otherwise. */
  readonly isCandidate: boolean;
  /** Why it is not offered; undefined where it is. */
  readonly reason?: string;
}

/** By ascending position. */
export function surveyCuts(cuts: readonly Cut[], graph: Graph): readonly SurveyedCut[] {
  const groups = fusionGroups(graph);
  const candidates = new Set(candidateCuts(cuts, graph));
  const sorted = [...cuts].sort((a, b) => a.position - b.position);
  return sorted.map((cut) => {
    const reason = reasonAgainst(cut);
    const found = { cut, isOffered: reason === undefined, isCandidate: candidates.has(cut) };
    return reason === undefined ? found : { ...found, reason };
  });

  function reasonAgainst({ position }: Cut): string | undefined {
    if (position === 0) return 'all in the cloud';
    if (position === graph.nodes.length) return 'all on the device';
    const group = groupAround(graph, position, groups);
    return group && `inside ${group.kind}`;
  }
}

/** Where the split suite cuts. */
import { candidateCuts } from '../../../sdk/src/cut/candidates.ts';
import type { Cut } from '../../../sdk/src/cut/cut.ts';
import type { SplitModel } from '../../../sdk/src/session/open-model.ts';

/** The valve at the eight cuts that are offered, the chain at seven that make eight segments of about equal length. */
export function cutsFor(model: SplitModel, kind: 'chain' | 'valve'): Cut[] {
  return kind === 'valve' ? candidateCuts(model.cuts, model.graph, { limit: 8 }) : evenCuts(model, 8);
}

/** Cuts that make `segments` segments of about equal node counts, where one tensor crosses. */
export function evenCuts({ cuts, graph }: SplitModel, segments: number): Cut[] {
  const offered = candidateCuts(cuts, graph, { limit: 1000 }).filter(({ tensors }) => tensors.length === 1);
  return Array.from({ length: segments - 1 }, (_, index) => {
    const wanted = ((index + 1) / segments) * graph.nodes.length;
    return offered.toSorted(
      (a, b) => Math.abs(a.position - wanted) - Math.abs(b.position - wanted),
    )[0] as Cut;
  });
}

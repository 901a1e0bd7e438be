/** The cuts that the exact search finds worth timing, from the times of nodes: guesses, fitted to what was measured. */
import type { Cut } from '../cut/cut.ts';
import type { TypesByName } from '../cut/legal-cuts.ts';
import type { Graph } from '../onnx/graph.ts';
import type { XRange } from '../planner/envelope.ts';
import { parametricCut } from '../planner/parametric-cut.ts';
import type { PlanLink } from '../planner/planned-arm.ts';
import type { Profile } from '../planner/profile.ts';
import { guessNodeMs, nodeWork, SMALL_BOARD } from './flops.ts';
import { cutsOfHeads, graphProblem } from './graph-problem.ts';

export interface ShortlistRequest {
  readonly graph: Graph;
  readonly types: TypesByName;
  readonly cuts: readonly Cut[];
  readonly edge: Profile;
  readonly cloud: Profile;
  readonly link: PlanLink;
  readonly range: XRange;
}

/** Cuts inside the model that are best on some link, as far as times of nodes add up. */
export function shortlist(request: ShortlistRequest): readonly Cut[] {
  const { graph, types, cuts, edge, cloud, link, range } = request;
  const share = sentShare(edge, cuts);
  const problem = graphProblem(graph, {
    types,
    edgeMs: fittedNodeMs(request, edge),
    cloudMs: fittedNodeMs(request, cloud),
    codedBytes: (bytes) => bytes * share,
    downlinkMsPerByte: 8000 / link.downlinkBitsPerSecond,
    splitMs: link.roundTripMs + link.queueMs,
  });
  const heads = parametricCut(problem, range).map(({ headSet }) => headSet);
  return cutsOfHeads(cuts, heads).filter(({ position }) => position > 0 && position < graph.nodes.length);
}

/** Guessed times, stretched between two timed cuts so that they add up to what was measured there. */
export function fittedNodeMs(
  { graph, types, cuts }: Pick<ShortlistRequest, 'graph' | 'types' | 'cuts'>,
  profile: Profile,
): Float64Array {
  const nodeMs = guessNodeMs(nodeWork(graph, types), SMALL_BOARD);
  const headMs = new Map(profile.cuts.map(({ id, head }) => [id, head.medianMs]));
  const marks = cuts
    .flatMap(({ id, position }) => ({ position, ms: headMs.get(id) }))
    .filter((mark): mark is { position: number; ms: number } => mark.ms !== undefined)
    .sort((a, b) => a.position - b.position);
  let from = { position: 0, ms: 0 };
  for (const to of [...marks, { position: nodeMs.length, ms: profile.whole.medianMs }]) {
    const part = nodeMs.subarray(from.position, to.position);
    const guessedMs = part.reduce((sum, ms) => sum + ms, 0);
    // A longer head that was timed as faster is noise.
    const factor = guessedMs > 0 ? Math.max(0, to.ms - from.ms) / guessedMs : 0;
    for (const [node, ms] of part.entries()) part[node] = ms * factor;
    from = { position: to.position, ms: Math.max(from.ms, to.ms) };
  }
  return nodeMs;
}

/** The least that the codec left of what crosses a cut, over all that was measured: the shortlist may be long, not short. */
function sentShare({ transfers }: Profile, cuts: readonly Cut[]): number {
  const bytes = new Map(cuts.map((cut) => [cut.id, cut.bytes]));
  const shares = transfers.flatMap(({ cutId, sentBytes }) => {
    const raw = cutId === null ? null : bytes.get(cutId);
    return raw ? [sentBytes / raw] : [];
  });
  return Math.min(1, ...shares.filter((share) => share > 0));
}

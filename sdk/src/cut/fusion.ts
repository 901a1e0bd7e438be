/**
 * Groups of nodes that ONNX Runtime fuses into one kernel. A cut through a group is legal, but costs the fusion
 * and the last bits of equality with the whole model, so it is not offered.
 */
import type { Graph } from '../onnx/graph.ts';
import { attentionsAt } from './fusion-attention.ts';
import { chainsAt } from './fusion-chains.ts';
import { pairsAt } from './fusion-pairs.ts';

/** Nodes that belong together, by the positions of the first and the last of them. */
export interface FusionGroup {
  readonly kind: string;
  readonly first: number;
  readonly last: number;
}

/** Every group of the graph; they may overlap. */
export function fusionGroups(graph: Graph): readonly FusionGroup[] {
  return [...graph.nodes.keys()].flatMap((position) => [
    ...pairsAt(graph, position),
    ...chainsAt(graph, position),
    ...attentionsAt(graph, position),
  ]);
}

/** The smallest group that a cut at `position` parts, if any. */
export function groupAround(
  graph: Graph,
  position: number,
  groups: readonly FusionGroup[] = fusionGroups(graph),
): FusionGroup | undefined {
  const parted = groups.filter(({ first, last }) => first < position && position <= last);
  return parted.sort((a, b) => a.last - a.first - (b.last - b.first))[0];
}

/** Whether a cut at `position` parts a group. Pass the groups where many positions of one graph are asked for. */
export function isInsideFusion(
  graph: Graph,
  position: number,
  groups: readonly FusionGroup[] = fusionGroups(graph),
): boolean {
  return groups.some(({ first, last }) => first < position && position <= last);
}

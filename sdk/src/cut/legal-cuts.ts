/** Legal cuts: every position of the topological order at which tensors cross that can be sent. */
import type { Graph } from '../onnx/graph.ts';
import type { TensorInfo } from '../tensor.ts';
import { crossingNames } from './crossing.ts';
import type { Cut } from './cut.ts';
import { prefixHead } from './head.ts';
import { cutMaker } from './make-cut.ts';

export type TypesByName = ReadonlyMap<string, TensorInfo>;

export interface LegalCutsOptions {
  /** Types at the shapes that are going to be fed, to count bytes by. @default types */
  readonly sizedTypes?: TypesByName;
}

/**
 * All legal cuts by ascending position. Position 0 sends the inputs; position n runs everything on the device,
 * and lists the model's outputs. Where the same tensors cross at several positions, the first one stands.
 * A position is left out where a value crosses that `types` does not know: a string, a sequence, an optional,
 * a number of a type that is not carried; and where more tensors cross than crossingNames lists.
 */
export function legalCuts(
  graph: Graph,
  types: TypesByName,
  digest: string,
  options: LegalCutsOptions = {},
): Cut[] {
  const { sizedTypes = types } = options;
  const makeCut = cutMaker(graph, { types, sizedTypes, digest });
  const cuts = new Map<string, Cut>();
  for (const [position, names] of crossingNames(graph).entries()) {
    const cut = names && makeCut(prefixHead(position), names);
    if (cut && !cuts.has(cut.id)) cuts.set(cut.id, cut);
  }
  return [...cuts.values()];
}

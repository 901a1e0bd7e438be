/**
 * Closed cuts: every cut that a graph has, not only those at positions of the file's order. In a net with parallel
 * branches a head may hold one branch and not the other, whichever stands first in the file.
 */
import type { Graph } from '../onnx/graph.ts';
import { readNames } from '../onnx/graph-proto.ts';
import { crossingOf } from './crossing.ts';
import type { Cut } from './cut.ts';
import { setHead } from './head.ts';
import { type LegalCutsOptions, legalCuts, type TypesByName } from './legal-cuts.ts';
import { cutMaker } from './make-cut.ts';

export interface ClosedCutsOptions extends LegalCutsOptions {
  /** Most heads to look at; k parallel branches of m nodes have (m+1)^k. Minimum 0. @default 4096 */
  readonly maxHeads?: number;
}

/**
 * All legal cuts, those of legalCuts first and as they are there, then the others by ascending number of nodes in the
 * head. Where the same tensors cross for several heads, the first one stands. The same answer on every machine.
 */
export function closedCuts(
  graph: Graph,
  types: TypesByName,
  digest: string,
  options: ClosedCutsOptions = {},
): Cut[] {
  const { sizedTypes = types, maxHeads = 4096 } = options;
  const prefixes = legalCuts(graph, types, digest, options);
  const seen = new Set(prefixes.map((cut) => cut.id));
  const others: Cut[] = [];
  const makeCut = cutMaker(graph, { types, sizedTypes, digest });
  let looked = 0;
  for (const positions of closedHeads(graph)) {
    if (looked++ >= maxHeads) break;
    const head = setHead(positions);
    const cut = makeCut(head, crossingOf(graph, head));
    if (!cut || seen.has(cut.id)) continue;
    seen.add(cut.id);
    others.push({ ...cut, headNodes: positions });
  }
  return [...prefixes, ...others.sort((a, b) => a.position - b.position)];
}

/**
 * Every closed set of nodes, as ascending positions, each once: from the empty one to that of all nodes, in the
 * order of binary numbers whose highest digit is the first node. There may be exponentially many: take what you need.
 */
export function* closedHeads(graph: Graph): Generator<readonly number[]> {
  const sources = graph.nodes.map((node) => producersOf(graph, readNames(node)));
  const isIn = new Uint8Array(graph.nodes.length);
  for (;;) {
    yield [...isIn.keys()].filter((position) => isIn[position] === 1);
    // The next number up: set the last digit that can be set, clear those after it. What stays is closed,
    // because a node's sources come before it.
    const last = isIn.findLastIndex(
      (member, at) => member === 0 && sources[at]?.every((from) => isIn[from] === 1),
    );
    if (last < 0) return;
    isIn[last] = 1;
    isIn.fill(0, last + 1);
  }
}

function producersOf(graph: Graph, names: readonly string[]): number[] {
  return names.flatMap((name) => graph.producers.get(name) ?? []);
}

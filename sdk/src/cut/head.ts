/** Heads: the sets of nodes that may run before a cut. A head is closed: whatever makes what it reads is in it too. */
import { SplitError } from '../errors.ts';
import type { Graph } from '../onnx/graph.ts';
import { readNames } from '../onnx/graph-proto.ts';
import type { Cut } from './cut.ts';

export interface Head {
  /** Number of nodes in it. */
  readonly size: number;
  /** Whether the node at a position of the graph's topological order is in it. */
  has(position: number): boolean;
}

/** The first `size` nodes. Closed in every graph, since no node reads what a later one makes. */
export function prefixHead(size: number): Head {
  return { size, has: (position) => position < size };
}

/** @param positions each once */
export function setHead(positions: Iterable<number>): Head {
  const members = new Set(positions);
  return { size: members.size, has: (position) => members.has(position) };
}

export function headOf({ position, headNodes }: Pick<Cut, 'position' | 'headNodes'>): Head {
  return headNodes ? setHead(headNodes) : prefixHead(position);
}

/** Positions of the nodes in `to` and not in `from`, ascending. */
export function positionsBetween(graph: Graph, from: Head, to: Head): number[] {
  return [...graph.nodes.keys()].filter((position) => to.has(position) && !from.has(position));
}

/**
 * That both are closed and `from` lies within `to`, with nodes between them: what lies between can be a segment.
 * @throws SplitError `cut-invalid`
 */
export function checkNested(graph: Graph, from: Head, to: Head): void {
  for (const head of [from, to]) {
    const open = [...graph.nodes.keys()].find(
      (position) => head.has(position) && !isFed(graph, head, position),
    );
    if (open !== undefined)
      throw invalid(`a head with node ${open} lacks a node whose values that one reads`);
  }
  const outside = [...graph.nodes.keys()].find((position) => from.has(position) && !to.has(position));
  if (outside !== undefined)
    throw invalid(`node ${outside} is before the first of two cuts and after the second`);
  if (from.size >= to.size && graph.nodes.length > 0)
    throw invalid(`no node lies between heads of ${from.size} and ${to.size} nodes`);
}

function isFed(graph: Graph, head: Head, position: number): boolean {
  const node = graph.nodes[position];
  return (node ? readNames(node) : []).every((name) => {
    const producer = graph.producers.get(name);
    return producer === undefined || head.has(producer);
  });
}

function invalid(message: string): SplitError {
  return new SplitError('cut-invalid', message);
}

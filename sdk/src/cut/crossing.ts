/** What crosses: the values that a head makes, or is fed, and the rest of the graph still reads. */
import type { Graph } from '../onnx/graph.ts';
import { readNames } from '../onnx/graph-proto.ts';
import type { Head } from './head.ts';

/** Names that are kept for all positions of a graph together, lest a hostile file fill the memory with them. */
const MAX_NAMES = 2 ** 22;
const MIN_WIDTH = 256;

/**
 * Names that cross at every position 0 to n, each once, in the order in which they come to be.
 * The model's outputs do not cross for being outputs: whoever made one has it.
 * `null` where more names cross than are kept: more than 4 Mi divided by the number of nodes, and more than 256.
 */
export function crossingNames(graph: Graph): readonly (readonly string[] | null)[] {
  const maxWidth = Math.max(MIN_WIDTH, Math.floor(MAX_NAMES / (graph.nodes.length + 1)));
  const alive = new Set(fedNames(graph));
  const list = () => (alive.size > maxWidth ? null : [...alive]);
  const crossings = [list()];
  for (const [position, node] of graph.nodes.entries()) {
    for (const name of node.outputs) if (graph.consumers.has(name)) alive.add(name);
    for (const name of readNames(node)) if (lastReader(graph, name) === position) alive.delete(name);
    crossings.push(list());
  }
  return crossings;
}

/** The same for any head. */
export function crossingOf(graph: Graph, head: Head): string[] {
  const isReadOutside = (name: string) =>
    graph.consumers.get(name)?.some((reader) => !head.has(reader)) ?? false;
  const made = graph.nodes.flatMap((node, position) => (head.has(position) ? node.outputs : []));
  return [...fedNames(graph), ...made].filter(isReadOutside);
}

function fedNames(graph: Graph): string[] {
  return graph.inputs.map((input) => input.name).filter((name) => graph.consumers.has(name));
}

function lastReader(graph: Graph, name: string): number {
  return graph.consumers.get(name)?.at(-1) ?? -1;
}

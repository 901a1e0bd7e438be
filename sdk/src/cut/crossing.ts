/** What crosses: the values that a head makes, or is fed, and the rest of the graph still reads. */
import type { Graph } from '../onnx/graph.ts';

/**
 * Names that cross at every position 0 to n, each once, in the order in which they come to be.
 * The model's outputs do not cross for being outputs: whoever made one has it.
 */
export function crossingNames(graph: Graph): readonly (readonly string[])[] {
  const alive = new Set(graph.inputs.map((input) => input.name).filter((name) => graph.consumers.has(name)));
  const crossings: string[][] = [[...alive]];
  for (const [position, node] of graph.nodes.entries()) {
    for (const name of node.outputs) if (graph.consumers.has(name)) alive.add(name);
    // Everything alive that is not read from here on has just been read for the last time.
    for (const name of alive) if (lastReader(graph, name) <= position) alive.delete(name);
    crossings.push([...alive]);
  }
  return crossings;
}

function lastReader(graph: Graph, name: string): number {
  return graph.consumers.get(name)?.at(-1) ?? -1;
}

/** Steps through a graph, from a node to those that read it and to those that it reads. */
import type { Graph } from '../onnx/graph.ts';
import { isWeight } from '../onnx/graph.ts';
import type { OnnxNode } from '../onnx/graph-proto.ts';

/** Positions of the nodes that read a node's first output, ascending. */
export function readersOf(graph: Graph, position: number): readonly number[] {
  const output = graph.nodes[position]?.outputs[0];
  return output ? (graph.consumers.get(output) ?? []) : [];
}

/** The one reader of a node whose first output is read once and is no output of the model. */
export function onlyReader(graph: Graph, position: number): number | undefined {
  const readers = readersOf(graph, position);
  return readers.length === 1 && !isModelOutput(graph, position) ? readers[0] : undefined;
}

export function isModelOutput(graph: Graph, position: number): boolean {
  const made = graph.nodes[position]?.outputs ?? [];
  return graph.outputs.some((output) => made.includes(output.name));
}

/** Positions of the nodes that make what a node reads; inputs and weights have none. */
export function producersOf(graph: Graph, position: number): readonly number[] {
  return (graph.nodes[position]?.inputs ?? []).flatMap((name) => graph.producers.get(name) ?? []);
}

export function opAt(graph: Graph, position: number | undefined): string {
  return (position === undefined ? undefined : graph.nodes[position]?.opType) ?? '';
}

export function readsWeight(graph: Graph, node: OnnxNode): boolean {
  return node.inputs.some((name) => isWeight(graph, name));
}

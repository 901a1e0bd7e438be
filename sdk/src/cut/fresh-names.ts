/** Names of values that we add to a graph, which must not meet any name of the model. */
import type { Graph } from '../onnx/graph.ts';
import { bytesOf } from '../onnx/wire-reader.ts';

/** A beginning that no value of the model has, not even inside a subgraph. */
export function freshPrefix(graph: Graph): string {
  const names = new Set(outerNames(graph));
  const subgraphs = graph.nodes.filter((node) => node.hasSubgraph).map((node) => bytesOf(node.span));
  for (let prefix = 'cutpoint/'; ; prefix = `${prefix}_/`) {
    const isTaken = [...names].some((name) => name.startsWith(prefix));
    if (!isTaken && !subgraphs.some((bytes) => holdsText(bytes, prefix))) return prefix;
  }
}

function* outerNames(graph: Graph): Generator<string> {
  yield* graph.producers.keys();
  yield* graph.constants.keys();
  yield* graph.initializers.keys();
  yield* graph.sparseInitializers.keys();
  for (const { name } of graph.inputs) yield name;
}

// The prefix has only characters of one byte, so it is found in the bytes as they are.
function holdsText(bytes: Uint8Array, text: string): boolean {
  const wanted = Array.from(text, (character) => character.charCodeAt(0));
  const [first = 0] = wanted;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
}

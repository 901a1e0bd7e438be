/** What the values of one run take: the most of them at once, each freed after its last reader. */
import type { TypesByName } from '../cut/legal-cuts.ts';
import type { Graph } from '../onnx/graph.ts';
import { elementCount, TENSOR_TYPES, type TensorInfo } from '../tensor.ts';

/**
 * In bytes, by the graph's order. A runtime that fuses nodes holds less; its workspaces, and what it keeps for later, are more.
 * Undefined where the size of a value is not known, or a node runs a graph of its own.
 * @param types at the shapes that are going to be fed
 */
export function mostLiveBytes(
  { nodes, inputs, outputs, producers, consumers }: Graph,
  types: TypesByName,
): number | undefined {
  if (nodes.some(({ hasSubgraph }) => hasSubgraph)) return undefined;
  const kept = new Set(outputs.map(({ name }) => name));
  const changes = new Float64Array(nodes.length + 2);
  for (const name of [...inputs.map((input) => input.name), ...producers.keys()]) {
    const last = kept.has(name) ? nodes.length : consumers.get(name)?.at(-1);
    // What nobody reads may not even be typed.
    if (last === undefined) continue;
    const bytes = bytesOf(types.get(name));
    if (bytes === undefined) return undefined;
    const first = producers.get(name) ?? 0;
    changes[first] = (changes[first] ?? 0) + bytes;
    changes[last + 1] = (changes[last + 1] ?? 0) - bytes;
  }
  let [live, most] = [0, 0];
  for (const change of changes) {
    live += change;
    most = Math.max(most, live);
  }
  return most;
}

function bytesOf(info: TensorInfo | undefined): number | undefined {
  const dims = info?.shape?.filter((dim) => typeof dim === 'number');
  if (!info?.shape || dims?.length !== info.shape.length) return undefined;
  return elementCount(dims) * TENSOR_TYPES[info.type].bytes;
}

/** Legal cuts: every position of the topological order at which tensors cross that can be sent. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Graph } from '../onnx/graph.ts';
import { TENSOR_TYPES, type TensorInfo } from '../tensor.ts';
import { crossingNames } from './crossing.ts';
import type { Cut, CutTensor } from './cut.ts';

export type TypesByName = ReadonlyMap<string, TensorInfo>;

export interface LegalCutsOptions {
  /** Types at the shapes that are going to be fed, to count bytes by. @default types */
  readonly sizedTypes?: TypesByName;
}

/**
 * All legal cuts by ascending position. Position 0 sends the inputs; position n runs everything on the device,
 * and lists the model's outputs. Where the same tensors cross at several positions, the first one stands.
 * A position is left out where a value crosses that `types` does not know: a string, a sequence, an optional.
 */
export function legalCuts(
  graph: Graph,
  types: TypesByName,
  digest: string,
  options: LegalCutsOptions = {},
): Cut[] {
  const { sizedTypes = types } = options;
  const last = graph.nodes.length;
  const seen = new Set<string>();
  const cuts: Cut[] = [];
  for (const [position, names] of crossingNames(graph).entries()) {
    const isEnd = position === last;
    const tensors = isEnd ? outputTensors(graph, types) : lookUpAll(names, types);
    if (!tensors || (tensors.length === 0 && !isEnd)) continue;
    const id = cutId(digest, isEnd ? 'outputs' : 'crossing', tensors);
    if (seen.has(id)) continue;
    seen.add(id);
    cuts.push({
      id,
      position,
      depth: last === 0 ? 1 : position / last,
      headOutputs: headOutputs(graph, position),
      ...measure(tensors, sizedTypes),
    });
  }
  return cuts;
}

function outputTensors(graph: Graph, types: TypesByName): CutTensor[] {
  return graph.outputs.map((output) => types.get(output.name)).filter((info) => info !== undefined);
}

// What is fed counts as made: the device has it.
function headOutputs(graph: Graph, position: number): string[] {
  const fed = new Set(graph.inputs.map((input) => input.name));
  const isMade = (name: string) => fed.has(name) || (graph.producers.get(name) ?? position) < position;
  const isEnd = position === graph.nodes.length;
  return graph.outputs.map((output) => output.name).filter((name) => isEnd || isMade(name));
}

function lookUpAll(names: readonly string[], types: TypesByName): CutTensor[] | undefined {
  const found = names.map((name) => types.get(name)).filter((info) => info !== undefined);
  return found.length === names.length ? found : undefined;
}

// As JSON, because a name may hold any character that could be a separator.
function cutId(digest: string, kind: 'crossing' | 'outputs', tensors: readonly CutTensor[]): string {
  const names = tensors.map((tensor) => tensor.name).sort();
  const text = JSON.stringify([digest, kind, ...names]);
  return bytesToHex(sha256(utf8ToBytes(text))).slice(0, 16);
}

function measure(
  tensors: readonly CutTensor[],
  sizedTypes: TypesByName,
): Pick<Cut, 'name' | 'tensors' | 'bytes'> {
  const sizes = tensors.map((tensor) => bytesOf(sizedTypes.get(tensor.name) ?? tensor));
  const largest = sizes.reduce<number>((best, size, i) => ((size ?? 0) > (sizes[best] ?? 0) ? i : best), 0);
  const bytes = sizes.reduce<number | null>(
    (sum, size) => (sum === null || size === null ? null : sum + size),
    0,
  );
  return { name: tensors[largest]?.name ?? '', tensors, bytes };
}

function bytesOf({ type, shape }: CutTensor): number | null {
  const isKnown = shape?.every((dim) => typeof dim === 'number');
  if (!shape || !isKnown) return null;
  return shape.reduce<number>((product, dim) => product * Number(dim), TENSOR_TYPES[type].bytes);
}

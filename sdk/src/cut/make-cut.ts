/** From a head and the names that cross to the cut as it is shown: id, depth, sizes. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Graph } from '../onnx/graph.ts';
import { TENSOR_TYPES } from '../tensor.ts';
import type { Cut, CutTensor } from './cut.ts';
import type { Head } from './head.ts';
import type { TypesByName } from './legal-cuts.ts';

export interface CutMakerOptions {
  /** Types as the model declares them. What is not in it cannot cross. */
  readonly types: TypesByName;
  /** Types at the shapes that are going to be fed. */
  readonly sizedTypes: TypesByName;
  readonly digest: string;
}

/** Makes the cuts of one graph; undefined where the cut is not legal. At the end of the graph the outputs are listed. */
export function cutMaker(
  graph: Graph,
  { types, sizedTypes, digest }: CutMakerOptions,
): (head: Head, crossing: readonly string[]) => Cut | undefined {
  const count = graph.nodes.length;
  const findHeadOutputs = headOutputsFinder(graph);
  return (head, crossing) => {
    const isEnd = head.size === count;
    const tensors = isEnd ? outputTensors(graph, types) : lookUpAll(crossing, types);
    if (!tensors || (tensors.length === 0 && !isEnd)) return undefined;
    return {
      id: cutId(digest, isEnd ? 'outputs' : 'crossing', tensors),
      position: head.size,
      depth: count === 0 ? 1 : head.size / count,
      headOutputs: findHeadOutputs(head, isEnd),
      ...measure(tensors, sizedTypes),
    };
  };
}

/** The cut with its bytes at these shapes. */
export function sizedCut(cut: Cut, sizedTypes: TypesByName): Cut {
  return { ...cut, ...measure(cut.tensors, sizedTypes) };
}

function outputTensors(graph: Graph, types: TypesByName): CutTensor[] {
  return graph.outputs.map((output) => types.get(output.name)).filter((info) => info !== undefined);
}

function lookUpAll(names: readonly string[], types: TypesByName): CutTensor[] | undefined {
  const found = names.map((name) => types.get(name)).filter((info) => info !== undefined);
  return found.length === names.length ? found : undefined;
}

// What is fed counts as made: the device has it. Neighbouring cuts share one list: a model may have many of both.
function headOutputsFinder(graph: Graph): (head: Head, isEnd: boolean) => readonly string[] {
  const fed = new Set(graph.inputs.map((input) => input.name));
  const names = graph.outputs.map((output) => output.name);
  let latest: readonly string[] = [];
  return (head, isEnd) => {
    const isMade = (name: string) => {
      const producer = graph.producers.get(name);
      return producer === undefined ? fed.has(name) : head.has(producer);
    };
    const made = names.filter((name) => isEnd || isMade(name));
    const isSame = made.length === latest.length && made.every((name, i) => name === latest[i]);
    if (!isSame) latest = made;
    return latest;
  };
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
  const sizes = tensors.map((tensor) => bytesAsMade(sizedTypes.get(tensor.name) ?? tensor));
  const largest = sizes.reduce<number>((best, size, i) => ((size ?? 0) > (sizes[best] ?? 0) ? i : best), 0);
  const bytes = sizes.reduce<number | null>(
    (sum, size) => (sum === null || size === null ? null : sum + size),
    0,
  );
  return { name: tensors[largest]?.name ?? '', tensors, bytes };
}

/** As it leaves the head; `null` where a dimension is open. */
export function bytesAsMade({ type, shape }: CutTensor): number | null {
  const isKnown = shape?.every((dim) => typeof dim === 'number');
  if (!shape || !isKnown) return null;
  return shape.reduce<number>((product, dim) => product * Number(dim), TENSOR_TYPES[type].bytes);
}

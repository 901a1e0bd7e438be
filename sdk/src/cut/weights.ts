/** Weights of some nodes, as they are written beside them: by offset in the original file where they are large. */
import { constantTensor } from '../onnx/constant.ts';
import type { Graph } from '../onnx/graph.ts';
import { type OnnxNode, readNames } from '../onnx/graph-proto.ts';
import type { Encoded } from '../onnx/model.ts';
import { externalTensorProto, type OnnxTensor } from '../onnx/tensor-proto.ts';
import { bytesOf } from '../onnx/wire-reader.ts';
import { TENSOR_TYPES } from '../tensor.ts';

/**
 * Smaller weights are written inline: a reference would take as much. Integers may be shapes, which the runtime must
 * see while it infers types; floats that it must see so are a few scales.
 */
const MIN_EXTERNAL_BYTES = { float: 256, other: 1024 } as const;
const FLOATS: readonly number[] = [TENSOR_TYPES.float32, TENSOR_TYPES.float16, TENSOR_TYPES.float64].map(
  ({ onnx }) => onnx,
);

export interface Weights {
  /** Constant nodes that stay nodes, in topological order. */
  readonly nodes: readonly Encoded[];
  readonly initializers: readonly Encoded[];
  readonly sparseInitializers: readonly Encoded[];
}

export interface WeightOptions {
  /** File name of the original model; without it values are copied. */
  readonly location?: string | undefined;
  /** Initializers that are written elsewhere. @default none */
  readonly elsewhere?: ReadonlySet<string>;
}

/** All weights behind the names that some nodes read, constant nodes and their own inputs included. */
export function weightsFor(
  graph: Graph,
  names: Iterable<string>,
  { location, elsewhere = new Set() }: WeightOptions,
): Weights {
  const asked = [...names];
  const constants = constantsFor(graph, asked);
  const read = [...asked, ...constants.flatMap(readNames)];
  const used = new Set(read.filter((name) => !elsewhere.has(name)));
  const { nodes, tensors } = partConstants(constants, location);
  const initializers = pick(graph.initializers, used).map(
    (tensor) => referenceTo(tensor, location) ?? bytesOf(tensor.span),
  );
  return {
    nodes: nodes.map((node) => bytesOf(node.span)),
    initializers: [...initializers, ...tensors],
    sparseInitializers: pick(graph.sparseInitializers, used).map((tensor) => bytesOf(tensor.span)),
  };
}

/** The constant nodes behind some names, each once, in topological order. */
function constantsFor(graph: Graph, names: readonly string[]): OnnxNode[] {
  const needed = new Set<OnnxNode>();
  const pending = [...names];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const node = graph.constants.get(name);
    if (!node || needed.has(node)) continue;
    needed.add(node);
    pending.push(...readNames(node));
  }
  return [...new Set(graph.constants.values())].filter((node) => needed.has(node));
}

/** Constants with large values turn into initializers that name the place of the values in the original file. */
function partConstants(constants: readonly OnnxNode[], location: string | undefined) {
  const nodes: OnnxNode[] = [];
  const tensors: Encoded[] = [];
  for (const node of constants) {
    const tensor = location === undefined ? undefined : constantTensor(node);
    const reference = tensor && referenceTo(tensor, location);
    if (reference) tensors.push(reference);
    else nodes.push(node);
  }
  return { nodes, tensors };
}

/** The tensor by reference to the model's file; undefined where it is better written as it is. */
export function referenceTo(tensor: OnnxTensor, location: string | undefined): Encoded | undefined {
  const least = MIN_EXTERNAL_BYTES[FLOATS.includes(tensor.dataType) ? 'float' : 'other'];
  if (location === undefined || !tensor.raw || tensor.raw.length < least) return undefined;
  return externalTensorProto(tensor, location, tensor.raw);
}

function pick(tensors: ReadonlyMap<string, OnnxTensor>, names: ReadonlySet<string>): OnnxTensor[] {
  return [...tensors.values()].filter((tensor) => names.has(tensor.name));
}

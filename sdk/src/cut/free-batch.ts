/**
 * Frees a batch that a model has fixed at one: the inputs' first dimension becomes a symbol, and a Reshape to a constant
 * shape computes its first dimension. Whether the result is right is for a run to show; see session/probe-rows.ts.
 */
import { constantTensor } from '../onnx/constant.ts';
import { buildGraph, type Graph } from '../onnx/graph.ts';
import type { OnnxNode } from '../onnx/graph-proto.ts';
import { type Encoded, partsOf, readModel, writeModel } from '../onnx/model.ts';
import { renameReads } from '../onnx/rename.ts';
import { tensorProto } from '../onnx/tensor-proto.ts';
import { valuesOf } from '../onnx/tensor-values.ts';
import { untypedValueInfoBytes, valueInfoBytes } from '../onnx/value-info.ts';
import { bytesOf } from '../onnx/wire-reader.ts';
import type { TensorInfo } from '../tensor.ts';
import { freshPrefix } from './fresh-names.ts';
import type { TypesByName } from './legal-cuts.ts';

export interface FreeBatchOptions {
  readonly types: TypesByName;
  /** Axis of the batch by input; inputs without one are not in it. */
  readonly axes: ReadonlyMap<string, number>;
}

/** The same nodes at the same positions, making values of the same names. */
export function freeBatch(graph: Graph, options: FreeBatchOptions): Graph {
  const { model } = graph;
  const prefix = freshPrefix(graph);
  const shapes: Encoded[] = [];
  const nodes = model.graph.nodes.map((node) => {
    const shape = isActive(graph, node) ? freedShape(graph, node, options.types) : undefined;
    if (!shape) return bytesOf(node.span);
    const name = `${prefix}shape_${shapes.length}`;
    shapes.push(
      tensorProto(name, { type: 'int64', dims: [shape.length], data: BigInt64Array.from(shape, BigInt) }),
    );
    return renameReads(node, new Map([[node.inputs[1] ?? '', name]]));
  });
  const parts = partsOf(model.graph);
  const bytes = writeModel(model.header, {
    ...parts,
    nodes,
    initializers: [...parts.initializers, ...shapes],
    inputs: graph.inputs.map(({ name, bytes: declared }) => freedInput(options, name) ?? declared),
    // What the model says of other values may speak of a batch of one.
    outputs: graph.outputs.map(({ name }) => untypedValueInfoBytes(name)),
    valueInfo: [],
  });
  return buildGraph(readModel(bytes.toBytes()));
}

function freedInput({ types, axes }: FreeBatchOptions, name: string): Uint8Array | undefined {
  const [info, axis] = [types.get(name), axes.get(name)];
  if (!info?.shape || axis === undefined) return undefined;
  const freed: TensorInfo = { ...info, shape: info.shape.map((dim, i) => (i === axis ? ROWS : dim)) };
  return valueInfoBytes(freed);
}

/** One symbol for all inputs: their batches are the same. */
const ROWS = 'rows';

function isActive(graph: Graph, node: OnnxNode): boolean {
  return node.outputs.some((name) => graph.producers.has(name));
}

/** A Reshape's shape with its first dimension computed; undefined where it is, or nothing else can be told. */
function freedShape(graph: Graph, node: OnnxNode, types: TypesByName): number[] | undefined {
  const [, shapeName = ''] = node.inputs;
  if (node.opType !== 'Reshape' || node.domain !== '' || node.captures.length > 0) return undefined;
  const given = constantShape(graph, shapeName);
  const made = types.get(node.outputs[0] ?? '')?.shape;
  if (!given || (given[0] ?? 0) < 1) return undefined;
  const rest = given.slice(1).map((dim, i) => {
    const known = made?.[i + 1];
    return typeof known === 'number' ? known : dim;
  });
  return rest.every((dim) => dim > 0) ? [-1, ...rest] : undefined;
}

function constantShape(graph: Graph, name: string): number[] | undefined {
  const constant = graph.constants.get(name);
  const tensor = graph.initializers.get(name) ?? (constant && constantTensor(constant));
  return tensor && !tensor.external ? Array.from(valuesOf(tensor).data, Number) : undefined;
}

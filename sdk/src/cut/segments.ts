/**
 * Segments: runs of nodes as ONNX models of their own. Large weights stay in the original file and are named
 * by offset, so a segment of a 100 MB model has tens of kilobytes.
 */
import { SplitError } from '../errors.ts';
import { constantTensor } from '../onnx/constant.ts';
import { type Graph, isWeight } from '../onnx/graph.ts';
import { type OnnxNode, readNames } from '../onnx/graph-proto.ts';
import { type Encoded, MODEL_FIELD, writeModel } from '../onnx/model.ts';
import { externalTensorProto, type OnnxTensor } from '../onnx/tensor-proto.ts';
import { untypedValueInfoBytes, valueInfoBytes } from '../onnx/value-info.ts';
import { bytesOf } from '../onnx/wire-reader.ts';
import type { Cut } from './cut.ts';
import type { TypesByName } from './legal-cuts.ts';

export interface SegmentOptions {
  /** Types of what crosses, for the inputs. Those of the model as declared: a segment takes all shapes they allow. */
  readonly types: TypesByName;
  /** File name of the original model, in the directory that the runtime is given. Without it weights are copied. */
  readonly location?: string;
}

export interface Segment {
  readonly bytes: Uint8Array;
  readonly inputs: readonly string[];
  /** What later nodes read, and outputs of the model. */
  readonly outputs: readonly string[];
}

/** Smaller weights are written inline: a reference would take as much. */
const MIN_EXTERNAL_BYTES = 1024;

/**
 * The nodes from position `from` up to, not including, `to`, as a model.
 * @throws SplitError `cut-invalid` for an empty or impossible range, or an input of unknown type
 */
export function segmentModel(graph: Graph, from: number, to: number, options: SegmentOptions): Segment {
  checkRange(graph, from, to);
  const active = graph.nodes.slice(from, to);
  const outputs = segmentOutputs(graph, from, to);
  const constants = constantsFor(graph, [...active.flatMap(readNames), ...outputs]);
  const inputs = segmentInputs(graph, active, from);
  const weights = new Set([...active, ...constants].flatMap(readNames).concat(outputs));
  const { nodes, tensors } = partConstants(constants, options.location);
  const model = writeModel(headerOf(graph), {
    name: graph.model.graph.name || 'graph',
    nodes: [...nodes, ...active].map((node) => bytesOf(node.span)),
    initializers: [...initializersFor(graph, weights, options.location), ...tensors],
    sparseInitializers: pick(graph.sparseInitializers, weights).map((tensor) => bytesOf(tensor.span)),
    inputs: inputs.map((name) => inputBytes(graph, name, options.types)),
    outputs: outputs.map((name) => outputBytes(graph, name)),
  });
  return { bytes: model.toBytes(), inputs, outputs };
}

/** The whole model as consecutive segments with the given cuts between them. Cuts at either end divide nothing. */
export function segmentChain(graph: Graph, cuts: readonly Cut[], options: SegmentOptions): Segment[] {
  const inner = cuts
    .map((cut) => cut.position)
    .filter((position) => position > 0 && position < graph.nodes.length);
  const bounds = [0, ...[...new Set(inner)].sort((a, b) => a - b), graph.nodes.length];
  return bounds.slice(1).map((to, i) => segmentModel(graph, bounds[i] ?? 0, to, options));
}

function checkRange(graph: Graph, from: number, to: number): void {
  const isPossible = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to <= graph.nodes.length;
  if (isPossible && from < to) return;
  throw new SplitError(
    'cut-invalid',
    `no segment from node ${from} to ${to} in a graph of ${graph.nodes.length}`,
  );
}

function segmentInputs(graph: Graph, nodes: readonly OnnxNode[], from: number): string[] {
  const isMadeBefore = (name: string) => (graph.producers.get(name) ?? -1) < from && !isWeight(graph, name);
  return [...new Set(nodes.flatMap(readNames))].filter(isMadeBefore);
}

function segmentOutputs(graph: Graph, from: number, to: number): string[] {
  const asked = new Set(graph.outputs.map((output) => output.name));
  const isNeeded = (name: string) => asked.has(name) || (graph.consumers.get(name)?.at(-1) ?? -1) >= to;
  const made = graph.nodes
    .slice(from, to)
    .flatMap((node) => node.outputs)
    .filter((name) => name !== '');
  // Outputs that no input has a part in come from the last segment.
  const fixed = to === graph.nodes.length ? [...asked].filter((name) => isWeight(graph, name)) : [];
  return [...made.filter(isNeeded), ...fixed];
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

function initializersFor(graph: Graph, names: ReadonlySet<string>, location: string | undefined): Encoded[] {
  const used = pick(graph.initializers, names);
  return used.map((tensor) => referenceTo(tensor, location) ?? bytesOf(tensor.span));
}

function referenceTo(tensor: OnnxTensor, location: string | undefined): Encoded | undefined {
  if (location === undefined || !tensor.raw || tensor.raw.length < MIN_EXTERNAL_BYTES) return undefined;
  return externalTensorProto(tensor, location, tensor.raw);
}

function pick(tensors: ReadonlyMap<string, OnnxTensor>, names: ReadonlySet<string>): OnnxTensor[] {
  return [...tensors.values()].filter((tensor) => names.has(tensor.name));
}

function headerOf({ model }: Graph) {
  return model.header.filter((field) => field.number !== MODEL_FIELD.trainingInfo);
}

function inputBytes(graph: Graph, name: string, types: TypesByName): Encoded {
  const declared = graph.inputs.find((input) => input.name === name);
  if (declared) return declared.bytes;
  const info = types.get(name);
  if (info) return valueInfoBytes(info);
  throw new SplitError('cut-invalid', `value ${JSON.stringify(name)} crosses, and its type is not known`);
}

function outputBytes(graph: Graph, name: string): Encoded {
  return graph.outputs.find((output) => output.name === name)?.bytes ?? untypedValueInfoBytes(name);
}

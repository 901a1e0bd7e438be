/**
 * Groups of nodes that ONNX Runtime fuses into one kernel. A cut through a group is legal, but costs the fusion
 * and the last bits of equality with the whole model, so it is not offered.
 */
import type { Graph } from '../onnx/graph.ts';
import type { OnnxNode } from '../onnx/graph-proto.ts';

/** Nodes that belong together, by the positions of the first and the last of them. */
export interface FusionGroup {
  readonly kind: string;
  readonly first: number;
  readonly last: number;
}

const ACTIVATIONS = ['Relu', 'LeakyRelu', 'PRelu', 'Clip', 'Sigmoid', 'HardSigmoid', 'Tanh', 'Elu'];

/** Producer to consumer, where the consumer is the only reader of what is produced. */
const PAIRS: Readonly<Record<string, readonly string[]>> = {
  Conv: ['BatchNormalization', 'Add', 'Mul', ...ACTIVATIONS],
  ConvTranspose: ['BatchNormalization', 'Add', ...ACTIVATIONS],
  BatchNormalization: ['Add', ...ACTIVATIONS],
  MatMul: ['Add'],
  Gemm: ACTIVATIONS,
  Pad: ['Conv', 'MaxPool', 'AveragePool'],
};

/** Adds of a residual or a bias end in an activation; after these producers they are part of the kernel. */
const ADDED: readonly string[] = ['Conv', 'BatchNormalization', 'MatMul'];

/** From the node whose name opens the chain, along only readers; the rest of a chain may be missing. */
const CHAINS: readonly { readonly kind: string; readonly ops: readonly string[]; readonly least: number }[] =
  [
    { kind: 'gelu', ops: ['Erf', 'Add', 'Mul', 'Mul'], least: 3 },
    { kind: 'fast-gelu', ops: ['Tanh', 'Add', 'Mul', 'Mul'], least: 3 },
    { kind: 'layer-norm', ops: ['Sub', 'Pow', 'ReduceMean', 'Add', 'Sqrt', 'Div', 'Mul', 'Add'], least: 6 },
  ];

/** Every group of the graph; they may overlap. */
export function fusionGroups(graph: Graph): readonly FusionGroup[] {
  return graph.nodes.flatMap((node, position) => [
    ...pairsFrom(graph, node, position),
    ...chainsFrom(graph, node, position),
    ...quantizedFrom(graph, node, position),
  ]);
}

/** Whether a cut at `position` parts a group. Pass the groups where many positions of one graph are asked for. */
export function isInsideFusion(
  graph: Graph,
  position: number,
  groups: readonly FusionGroup[] = fusionGroups(graph),
): boolean {
  return groups.some(({ first, last }) => first < position && position <= last);
}

function pairsFrom(graph: Graph, node: OnnxNode, position: number): FusionGroup[] {
  const reader = onlyReader(graph, node);
  const consumer = reader === undefined ? undefined : graph.nodes[reader];
  if (reader === undefined || !consumer) return [];
  const isPair = PAIRS[node.opType]?.includes(consumer.opType) ?? false;
  const isAdded =
    node.opType === 'Add' && ACTIVATIONS.includes(consumer.opType) && readsOneOf(graph, node, ADDED);
  if (!isPair && !isAdded) return [];
  return [{ kind: `${node.opType}|${consumer.opType}`, first: position, last: reader }];
}

function chainsFrom(graph: Graph, node: OnnxNode, position: number): FusionGroup[] {
  return CHAINS.flatMap(({ kind, ops, least }) => {
    const members = node.opType === ops[0] ? followChain(graph, position, ops) : [];
    if (members.length < least) return [];
    // What feeds the chain belongs to it: the mean of a layer norm, the scaling before Erf or Tanh.
    const feeding = node.inputs.flatMap((name) => graph.producers.get(name) ?? []);
    const lead = feeding.filter((at) => LEADS.includes(graph.nodes[at]?.opType ?? ''));
    return [{ kind, first: Math.min(position, ...lead), last: members.at(-1) ?? position }];
  });
}

const LEADS: readonly string[] = ['ReduceMean', 'Div', 'Mul'];

function followChain(graph: Graph, start: number, ops: readonly string[]): number[] {
  const members = [start];
  for (const op of ops.slice(1)) {
    const here = graph.nodes[members.at(-1) ?? start];
    const next = here && readersOf(graph, here).find((reader) => graph.nodes[reader]?.opType === op);
    if (next === undefined) break;
    members.push(next);
  }
  return members;
}

// DequantizeLinear, operator, QuantizeLinear become one integer kernel. Between QuantizeLinear and the next
// DequantizeLinear lies the best place to cut: there the small integers themselves cross.
function quantizedFrom(graph: Graph, node: OnnxNode, position: number): FusionGroup[] {
  const [nearest] = readersOf(graph, node);
  if (nearest === undefined) return [];
  const isDequantized = node.opType === 'DequantizeLinear';
  const isQuantized =
    graph.nodes[nearest]?.opType === 'QuantizeLinear' && onlyReader(graph, node) === nearest;
  return isDequantized || isQuantized ? [{ kind: 'quantized', first: position, last: nearest }] : [];
}

function readersOf(graph: Graph, node: OnnxNode): readonly number[] {
  const [output] = node.outputs;
  return output ? (graph.consumers.get(output) ?? []) : [];
}

function onlyReader(graph: Graph, node: OnnxNode): number | undefined {
  const readers = readersOf(graph, node);
  const isOutput = graph.outputs.some((output) => output.name === node.outputs[0]);
  return readers.length === 1 && !isOutput ? readers[0] : undefined;
}

function readsOneOf(graph: Graph, node: OnnxNode, ops: readonly string[]): boolean {
  const producers = node.inputs.flatMap((name) => graph.producers.get(name) ?? []);
  return producers.some((producer) => ops.includes(graph.nodes[producer]?.opType ?? ''));
}

/** Fusions of a node with the next: an operator takes in its bias, norm, scale, activation or transposition. */
import type { Graph } from '../onnx/graph.ts';
import type { FusionGroup } from './fusion.ts';
import { onlyReader, opAt, producersOf, readersOf, readsWeight } from './readers.ts';

const ACTIVATIONS = [
  'Relu',
  'LeakyRelu',
  'PRelu',
  'Clip',
  'Sigmoid',
  'HardSigmoid',
  'HardSwish',
  'Tanh',
  'Elu',
];

/** Producer to consumer, where the consumer is the only reader of what is produced. */
const PAIRS: Readonly<Record<string, readonly string[]>> = {
  Conv: ['BatchNormalization', 'Add', 'Mul', ...ACTIVATIONS],
  ConvTranspose: ['BatchNormalization', 'Add', ...ACTIVATIONS],
  BatchNormalization: ['Add', ...ACTIVATIONS],
  MatMul: ['Add', 'BatchNormalization'],
  Gemm: ['Add', 'BatchNormalization', ...ACTIVATIONS],
  Pad: ['Conv', 'MaxPool', 'AveragePool'],
  Transpose: ['MatMul', 'Gemm'],
};

/** Scaling by a constant becomes a factor of the matrix product beside it. */
const SCALES: readonly string[] = ['Mul', 'Div'];

/** Adds of a residual or a bias end in an activation; after these producers they are part of the kernel. */
const ADDED: readonly string[] = ['Conv', 'BatchNormalization', 'MatMul', 'Gemm'];

export function pairsAt(graph: Graph, position: number): FusionGroup[] {
  return [...gatesAt(graph, position), ...quantizedAt(graph, position), ...plainPairsAt(graph, position)];
}

function plainPairsAt(graph: Graph, position: number): FusionGroup[] {
  const reader = onlyReader(graph, position);
  if (reader === undefined) return [];
  const [op, next] = [opAt(graph, position), opAt(graph, reader)];
  const isAdded = op === 'Add' && ACTIVATIONS.includes(next) && readsOneOf(graph, position, ADDED);
  const isPair = PAIRS[op]?.includes(next) || isAdded || isScaledProduct(graph, position, reader);
  return isPair ? [{ kind: `${op}|${next}`, first: position, last: reader }] : [];
}

function isScaledProduct(graph: Graph, position: number, reader: number): boolean {
  const [op, next] = [opAt(graph, position), opAt(graph, reader)];
  const scale = op === 'MatMul' && SCALES.includes(next) ? reader : position;
  const isProduct = op === 'MatMul' || next === 'MatMul';
  const node = graph.nodes[scale];
  return isProduct && node !== undefined && SCALES.includes(node.opType) && readsWeight(graph, node);
}

/** x times its own sigmoid. */
function gatesAt(graph: Graph, position: number): FusionGroup[] {
  const reader = onlyReader(graph, position);
  const isGate = ['Sigmoid', 'HardSigmoid'].includes(opAt(graph, position)) && opAt(graph, reader) === 'Mul';
  return isGate && reader !== undefined ? [{ kind: 'gate', first: position, last: reader }] : [];
}

// DequantizeLinear, operator, QuantizeLinear become one integer kernel. Between QuantizeLinear and the next
// DequantizeLinear lies the best place to cut: there the small integers themselves cross.
function quantizedAt(graph: Graph, position: number): FusionGroup[] {
  const [nearest] = readersOf(graph, position);
  if (nearest === undefined) return [];
  const isDequantized = opAt(graph, position) === 'DequantizeLinear';
  const isQuantized = opAt(graph, nearest) === 'QuantizeLinear' && onlyReader(graph, position) === nearest;
  return isDequantized || isQuantized ? [{ kind: 'quantized', first: position, last: nearest }] : [];
}

function readsOneOf(graph: Graph, position: number, ops: readonly string[]): boolean {
  return producersOf(graph, position).some((producer) => ops.includes(opAt(graph, producer)));
}

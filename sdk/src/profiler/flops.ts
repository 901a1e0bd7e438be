/** First guesses: how much each node computes and moves, from the shapes of what it reads and makes. No run is needed. */
import type { TypesByName } from '../cut/legal-cuts.ts';
import type { Graph } from '../onnx/graph.ts';
import { type OnnxNode, readNames } from '../onnx/graph-proto.ts';
import { TENSOR_TYPES } from '../tensor.ts';

export interface NodeWork {
  /** Additions and multiplications, each counted. */
  readonly operations: number;
  /** Bytes of all that is read, weights included, and made. */
  readonly bytes: number;
  /** A shape is unknown, or the node runs a graph of its own: too low by an unknown amount. */
  readonly isIncomplete: boolean;
}

/** The work of each node, in the graph's order. @param types at the shapes that are going to be fed */
export function nodeWork(graph: Graph, types: TypesByName): readonly NodeWork[] {
  const sizeOf = sizeFinder(graph, types);
  return graph.nodes.map((node) => {
    const names = [...readNames(node), ...node.outputs.filter((name) => name !== '')];
    const sizes = names.map(sizeOf);
    const bytes = sizes.reduce((sum, size) => sum + (size?.bytes ?? 0), 0);
    const isIncomplete = node.hasSubgraph || sizes.some((size) => size === undefined);
    return { operations: operationsOf(node, sizeOf), bytes, isIncomplete };
  });
}

export interface MachineGuess {
  /** Additions and multiplications in a second, all cores together. */
  readonly operationsPerSecond: number;
  /** What memory moves in a second, in bytes. */
  readonly bytesPerSecond: number;
  /** What each node costs before it computes anything, in milliseconds. */
  readonly nodeMs: number;
}

/** A processor of a single-board computer, two to four cores. Wrong by a factor of a few on any one machine. */
export const SMALL_BOARD: MachineGuess = { operationsPerSecond: 2e10, bytesPerSecond: 4e9, nodeMs: 0.01 };

/** A processor of a server, a dozen cores. As wrong. */
export const SERVER: MachineGuess = { operationsPerSecond: 8e11, bytesPerSecond: 5e10, nodeMs: 0.004 };

/** Milliseconds of each node: whichever takes longer, computing or moving. A guess; measure before you rely on it. */
export function guessNodeMs(work: readonly NodeWork[], machine: MachineGuess): Float64Array {
  return Float64Array.from(work, ({ operations, bytes }) => {
    const computeMs = (operations / machine.operationsPerSecond) * 1000;
    const moveMs = (bytes / machine.bytesPerSecond) * 1000;
    return machine.nodeMs + Math.max(computeMs, moveMs);
  });
}

interface Size {
  readonly dims: readonly number[];
  readonly elements: number;
  readonly bytes: number;
}

type SizeOf = (name: string | undefined) => Size | undefined;

/** Undefined where the shape or the element type is not known. */
function sizeFinder(graph: Graph, types: TypesByName): SizeOf {
  const bytesByNumber = new Map<number, number>(
    Object.values(TENSOR_TYPES).map(({ onnx, bytes }) => [onnx, bytes]),
  );
  return (name = '') => {
    const weight = graph.initializers.get(name);
    if (weight) return sizeOf(weight.dims, bytesByNumber.get(weight.dataType) ?? 4);
    const info = types.get(name);
    const dims = info?.shape?.filter((dim) => typeof dim === 'number');
    if (!info?.shape || dims?.length !== info.shape.length) return undefined;
    return sizeOf(dims, TENSOR_TYPES[info.type].bytes);
  };
}

function sizeOf(dims: readonly number[], elementBytes: number): Size {
  const elements = dims.reduce((product, dim) => product * dim, 1);
  return { dims, elements, bytes: elements * elementBytes };
}

/** One for each element made, but for products of matrices, which are most of a network's work. */
function operationsOf(node: OnnxNode, sizeOf: SizeOf): number {
  const made = sizeOf(node.outputs[0]);
  const [first, second] = [sizeOf(node.inputs[0]), sizeOf(node.inputs[1])];
  if (!made) return 0;
  switch (node.opType) {
    case 'Conv':
    case 'QLinearConv':
    case 'ConvInteger':
      return 2 * made.elements * filterElements(sizeOf(node.inputs[node.opType === 'QLinearConv' ? 3 : 1]));
    case 'ConvTranspose':
      return 2 * (first?.elements ?? 0) * filterElements(second);
    case 'MatMul':
    case 'MatMulInteger':
      return 2 * made.elements * (first?.dims.at(-1) ?? 1);
    case 'Gemm':
      // A is [M, K] or its transpose; the output has M rows.
      return 2 * made.elements * ((first?.elements ?? 0) / Math.max(1, made.dims[0] ?? 1));
    default:
      return made.elements;
  }
}

/** Weights that one output element (of ConvTranspose: one input element) meets: all but the first dimension's. */
function filterElements(weight: Size | undefined): number {
  return weight ? weight.elements / Math.max(1, weight.dims[0] ?? 1) : 1;
}

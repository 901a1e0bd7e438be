/** Fusions of formulas that exporters spell out: norms and Gelu. */
import type { Graph } from '../onnx/graph.ts';
import type { FusionGroup } from './fusion.ts';
import { isModelOutput, onlyReader, opAt, producersOf, readersOf } from './readers.ts';

interface Chain {
  readonly kind: string;
  /** From the node whose name opens the chain, each a reader of the one before; the rest may be missing. */
  readonly ops: readonly string[];
  /** Nodes that must be there for the chain to count. */
  readonly least: number;
}

const CHAINS: readonly Chain[] = [
  { kind: 'gelu', ops: ['Erf', 'Add', 'Mul', 'Mul'], least: 3 },
  { kind: 'fast-gelu', ops: ['Tanh', 'Add', 'Mul', 'Mul'], least: 3 },
  { kind: 'layer-norm', ops: ['Sub', 'Pow', 'ReduceMean', 'Add', 'Sqrt', 'Div', 'Mul', 'Add'], least: 6 },
  { kind: 'layer-norm', ops: ['Sub', 'Mul', 'ReduceMean', 'Add', 'Sqrt', 'Div', 'Mul', 'Add'], least: 6 },
  { kind: 'rms-norm', ops: ['Pow', 'ReduceMean', 'Add', 'Sqrt', 'Div', 'Mul'], least: 5 },
];

const NORMS: readonly string[] = ['LayerNormalization', 'SimplifiedLayerNormalization'];
/** What computes the argument of Erf or Tanh. */
const ARGUMENTS: readonly string[] = ['Mul', 'Div', 'Add', 'Pow'];

export function chainsAt(graph: Graph, position: number): FusionGroup[] {
  const spelt = CHAINS.flatMap((chain) => chainAt(graph, position, chain));
  return NORMS.includes(opAt(graph, position)) ? [...skipsInto(graph, position, position), ...spelt] : spelt;
}

function chainAt(graph: Graph, position: number, { kind, ops, least }: Chain): FusionGroup[] {
  const members = opAt(graph, position) === ops[0] ? followChain(graph, position, ops) : [];
  if (members.length < least) return [];
  const last = members.at(-1) ?? position;
  if (kind === 'gelu' || kind === 'fast-gelu') return [geluAround(graph, kind, position, last)];
  const means = producersOf(graph, position).filter((at) => opAt(graph, at) === 'ReduceMean');
  const first = Math.min(position, ...means);
  return [{ kind, first, last }, ...skipsInto(graph, first, last)];
}

function followChain(graph: Graph, start: number, ops: readonly string[]): number[] {
  const members = [start];
  for (const op of ops.slice(1)) {
    const next = readersOf(graph, members.at(-1) ?? start).find((reader) => opAt(graph, reader) === op);
    if (next === undefined) break;
    members.push(next);
  }
  return members;
}

function geluAround(graph: Graph, kind: string, position: number, last: number): FusionGroup {
  let first = position;
  for (let at = argumentOf(graph, first); at !== undefined; at = argumentOf(graph, first)) first = at;
  // The fused kernel is used only where the result does not leave the graph: its reader belongs to it.
  const reader = kind === 'fast-gelu' && !isModelOutput(graph, last) ? readersOf(graph, last)[0] : undefined;
  return { kind, first, last: reader ?? last };
}

/** The node before, where it does nothing else than to feed this one. */
function argumentOf(graph: Graph, position: number): number | undefined {
  return producersOf(graph, position).find(
    (at) => ARGUMENTS.includes(opAt(graph, at)) && onlyReader(graph, at) === position,
  );
}

/** The sum of a block and its skip, and a bias before it, where none but the norm reads the sum. */
function skipsInto(graph: Graph, first: number, last: number): FusionGroup[] {
  const sum = producersOf(graph, first).find((at) => opAt(graph, at) === 'Add');
  if (sum === undefined || isModelOutput(graph, sum)) return [];
  if (readersOf(graph, sum).some((reader) => reader > last)) return [];
  const bias = producersOf(graph, sum).filter(
    (at) => opAt(graph, at) === 'Add' && onlyReader(graph, at) === sum,
  );
  return [{ kind: 'skip-norm', first: Math.min(sum, ...bias), last }];
}

/** The graph as the splitter sees it: activations in topological order, and weights apart from them. */
import { SplitError } from '../errors.ts';
import { isConstantNode } from './constant.ts';
import { type OnnxNode, readNames } from './graph-proto.ts';
import type { OnnxModel } from './model.ts';
import type { OnnxTensor } from './tensor-proto.ts';
import type { ValueInfo } from './value-info.ts';

export interface Graph {
  readonly model: OnnxModel;
  /** Nodes that depend on the inputs, in topological order. A position counts these. */
  readonly nodes: readonly OnnxNode[];
  /**
   * What the application feeds. A weight that is listed among the inputs (always in old models, as a default in new
   * ones) is left out: it keeps the value that the file gives it and cannot be fed.
   */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly sparseInitializers: ReadonlyMap<string, OnnxTensor>;
  /** Nodes computed from weights alone, by the names they make, in topological order. */
  readonly constants: ReadonlyMap<string, OnnxNode>;
  /** Position of the node that makes a value. Graph inputs and weights are not in it. */
  readonly producers: ReadonlyMap<string, number>;
  /** Positions of the nodes that read a value, ascending; captures by subgraphs count. */
  readonly consumers: ReadonlyMap<string, readonly number[]>;
}

/** Most inputs, and most outputs, of a model. Large language models with a cache have a few hundred. */
const MAX_ENDS = 4096;

/** @throws SplitError `model-invalid` when a value is read before it is made, made twice, or made nowhere */
export function buildGraph(model: OnnxModel): Graph {
  const { inputs, outputs, initializers, sparseInitializers, nodes } = model.graph;
  const weights = byName(initializers);
  const sparse = byName(sparseInitializers);
  const isInitializer = (name: string) => weights.has(name) || sparse.has(name);
  const fed = inputs.filter((input) => !isInitializer(input.name));
  checkCount('inputs', fed.length);
  checkCount('outputs', outputs.length);
  const known = new Set([...weights.keys(), ...sparse.keys(), ...fed.map((input) => input.name)]);
  checkOrder(nodes, known);
  checkOutputs(outputs, known);
  const constants = findConstants(nodes, isInitializer);
  const active = nodes.filter((node) => !isHoisted(node, constants));
  const [producers, consumers] = [findProducers(active), findConsumers(active)];
  return {
    model,
    nodes: active,
    inputs: fed,
    outputs,
    initializers: weights,
    sparseInitializers: sparse,
    constants,
    producers,
    consumers,
  };
}

/** Whether a value is the same on every run, and so never crosses a cut. */
export function isWeight(graph: Graph, name: string): boolean {
  return graph.initializers.has(name) || graph.sparseInitializers.has(name) || graph.constants.has(name);
}

function byName(tensors: readonly OnnxTensor[]): Map<string, OnnxTensor> {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

function checkCount(what: string, count: number): void {
  if (count > MAX_ENDS) throw invalid(`${count} ${what}, which is more than ${MAX_ENDS}`);
}

function checkOrder(nodes: readonly OnnxNode[], known: Set<string>): void {
  for (const node of nodes) {
    const missing = readNames(node).find((name) => !known.has(name));
    if (missing !== undefined) throw undefinedValue(node, missing, nodes);
    for (const name of node.outputs) {
      if (name !== '' && known.has(name)) throw invalid(`value ${quote(name)} is made twice`);
      known.add(name);
    }
  }
}

function undefinedValue(node: OnnxNode, name: string, nodes: readonly OnnxNode[]): SplitError {
  const isMadeLater = nodes.some((other) => other.outputs.includes(name));
  const why = isMadeLater
    ? 'before it is made (the nodes are not in topological order)'
    : 'which nothing makes';
  return invalid(`node ${quote(node.name || node.opType)} reads ${quote(name)}, ${why}`);
}

function checkOutputs(outputs: readonly ValueInfo[], known: ReadonlySet<string>): void {
  const missing = outputs.find((output) => !known.has(output.name));
  if (missing) throw invalid(`output ${quote(missing.name)} is made nowhere`);
}

function findConstants(
  nodes: readonly OnnxNode[],
  isInitializer: (name: string) => boolean,
): Map<string, OnnxNode> {
  const constants = new Map<string, OnnxNode>();
  for (const node of nodes) {
    if (!isConstantNode(node, (name) => isInitializer(name) || constants.has(name))) continue;
    for (const name of node.outputs) if (name !== '') constants.set(name, node);
  }
  return constants;
}

function isHoisted(node: OnnxNode, constants: ReadonlyMap<string, OnnxNode>): boolean {
  return node.outputs.some((name) => constants.get(name) === node);
}

function findProducers(nodes: readonly OnnxNode[]): Map<string, number> {
  const producers = new Map<string, number>();
  for (const [position, node] of nodes.entries()) {
    for (const name of node.outputs) if (name !== '') producers.set(name, position);
  }
  return producers;
}

function findConsumers(nodes: readonly OnnxNode[]): Map<string, number[]> {
  const consumers = new Map<string, number[]>();
  for (const [position, node] of nodes.entries()) {
    for (const name of new Set(readNames(node))) {
      const readers = consumers.get(name);
      if (readers) readers.push(position);
      else consumers.set(name, [position]);
    }
  }
  return consumers;
}

function invalid(message: string): SplitError {
  return new SplitError('model-invalid', message);
}

// Names come from the file: quoted and shortened, so that no message is flooded or forged by one.
function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);
}

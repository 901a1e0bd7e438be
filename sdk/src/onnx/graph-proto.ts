/** GraphProto and NodeProto as they lie in the file. Subgraphs are read for what they capture from outside. */
import { type OnnxTensor, readTensor } from './tensor-proto.ts';
import { readValueInfo, type ValueInfo } from './value-info.ts';
import { contentOf, entriesOf, fieldsOf, modelInvalid, rawField, type Span, textOf } from './wire-reader.ts';

/** Fields of GraphProto. */
export const GRAPH_FIELD = {
  node: 1,
  name: 2,
  initializer: 5,
  input: 11,
  output: 12,
  valueInfo: 13,
  sparseInitializer: 15,
} as const;

/** If, Loop and Scan within one another; ONNX Runtime itself gives up near 30. */
const MAX_SUBGRAPH_DEPTH = 30;

export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  /** `''` is ONNX's own. */
  readonly domain: string;
  /** Empty names are optional inputs left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Values of the graph around it that its subgraphs read, each once. */
  readonly captures: readonly string[];
  readonly hasSubgraph: boolean;
  /** The whole message as it lies in the file. */
  readonly span: Span;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  /** Named by their values; `span` is that of the SparseTensorProto. */
  readonly sparseInitializers: readonly OnnxTensor[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly valueInfo: readonly ValueInfo[];
  /** All other fields, tags included. */
  readonly otherFields: readonly Uint8Array[];
}

export function readGraph(span: Span, depth = 0): OnnxGraph {
  if (depth > MAX_SUBGRAPH_DEPTH)
    throw modelInvalid(span.start, `subgraphs nested deeper than ${MAX_SUBGRAPH_DEPTH}`);
  const graph = { name: '', ...emptyLists() };
  for (const field of entriesOf(span)) {
    if (field.number === GRAPH_FIELD.node) graph.nodes.push(readNode(contentOf(field), depth));
    else if (field.number === GRAPH_FIELD.name) graph.name = textOf(field);
    else if (field.number === GRAPH_FIELD.initializer) graph.initializers.push(readTensor(contentOf(field)));
    else if (field.number === GRAPH_FIELD.input) graph.inputs.push(readValueInfo(contentOf(field)));
    else if (field.number === GRAPH_FIELD.output) graph.outputs.push(readValueInfo(contentOf(field)));
    else if (field.number === GRAPH_FIELD.valueInfo) graph.valueInfo.push(readValueInfo(contentOf(field)));
    else if (field.number === GRAPH_FIELD.sparseInitializer) {
      graph.sparseInitializers.push(readSparseTensor(contentOf(field)));
    } else graph.otherFields.push(rawField(field));
  }
  return graph;
}

function emptyLists() {
  return {
    nodes: [] as OnnxNode[],
    initializers: [] as OnnxTensor[],
    sparseInitializers: [] as OnnxTensor[],
    inputs: [] as ValueInfo[],
    outputs: [] as ValueInfo[],
    valueInfo: [] as ValueInfo[],
    otherFields: [] as Uint8Array[],
  };
}

function readSparseTensor(span: Span): OnnxTensor {
  const valuesField = 1;
  for (const field of fieldsOf(span)) {
    if (field.number === valuesField) return { ...readTensor(contentOf(field)), raw: null, span };
  }
  throw modelInvalid(span.start, 'sparse initializer without values');
}

export function readNode(span: Span, depth = 0): OnnxNode {
  const node = { name: '', opType: '', domain: '', inputs: [] as string[], outputs: [] as string[] };
  const captures = new Set<string>();
  let hasSubgraph = false;
  for (const field of entriesOf(span)) {
    if (field.number === 1) node.inputs.push(textOf(field));
    else if (field.number === 2) node.outputs.push(textOf(field));
    else if (field.number === 3) node.name = textOf(field);
    else if (field.number === 4) node.opType = textOf(field);
    else if (field.number === 7) node.domain = textOf(field);
    else if (field.number === 5) {
      for (const subgraph of subgraphsOf(contentOf(field), depth + 1)) {
        hasSubgraph = true;
        for (const name of capturedNames(subgraph)) captures.add(name);
      }
    }
  }
  return { ...node, captures: [...captures], hasSubgraph, span };
}

function* subgraphsOf(attribute: Span, depth: number): Generator<OnnxGraph> {
  const oneGraph = 6;
  const manyGraphs = 11;
  for (const field of fieldsOf(attribute)) {
    if (field.number === oneGraph || field.number === manyGraphs) yield readGraph(contentOf(field), depth);
  }
}

function capturedNames(graph: OnnxGraph): Set<string> {
  const used = [...graph.nodes.flatMap(readNames), ...graph.outputs.map((output) => output.name)];
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  for (const { name } of [...graph.inputs, ...graph.initializers, ...graph.sparseInitializers])
    made.add(name);
  return new Set(used.filter((name) => name !== '' && !made.has(name)));
}

/** Every value that a node needs, through its inputs or through its subgraphs. */
export function readNames(node: OnnxNode): string[] {
  const names = node.inputs.filter((name) => name !== '');
  return node.captures.length > 0 ? [...new Set([...names, ...node.captures])] : names;
}

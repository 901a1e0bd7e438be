/** ModelProto: reads an ONNX file lazily and writes it back. Weights stay views of the file. */
import { GRAPH_FIELD, type OnnxGraph, readGraph } from './graph-proto.ts';
import {
  bytesOf,
  contentOf,
  entriesOf,
  type Field,
  fieldsOf,
  integerOf,
  modelInvalid,
  rawField,
  type Span,
  textOf,
} from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** Fields of ModelProto. */
export const MODEL_FIELD = {
  irVersion: 1,
  graph: 7,
  opsetImport: 8,
  metadata: 14,
  trainingInfo: 20,
  functions: 25,
} as const;

export interface OnnxModel {
  readonly bytes: Uint8Array;
  readonly irVersion: number;
  /** Operator set version by domain; `''` is ONNX's own. */
  readonly opsets: ReadonlyMap<string, number>;
  /** Every field but the graph, tags included: versions, functions, metadata and what we do not know. */
  readonly header: readonly HeaderField[];
  readonly graph: OnnxGraph;
}

export interface HeaderField {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** @throws SplitError `model-invalid`, naming the byte offset */
export function readModel(bytes: Uint8Array): OnnxModel {
  let graph: OnnxGraph | undefined;
  let irVersion = 0;
  const opsets = new Map<string, number>();
  const header: HeaderField[] = [];
  for (const field of entriesOf({ file: bytes, start: 0, end: bytes.length })) {
    if (field.number === MODEL_FIELD.graph) {
      graph = readOnlyGraph(field, graph);
      continue;
    }
    if (field.number === MODEL_FIELD.irVersion) irVersion = integerOf(field);
    if (field.number === MODEL_FIELD.opsetImport) opsets.set(...readOpset(contentOf(field)));
    header.push({ number: field.number, bytes: rawField(field) });
  }
  if (!graph) throw modelInvalid(bytes.length, `no graph in a model of ${bytes.length} bytes`);
  return { bytes, irVersion, opsets, header, graph };
}

function readOnlyGraph(field: Field, earlier: OnnxGraph | undefined): OnnxGraph {
  if (earlier) throw modelInvalid(field.at, 'second graph');
  return readGraph(contentOf(field));
}

function readOpset(span: Span): [string, number] {
  let domain = '';
  let version = 0;
  for (const field of fieldsOf(span)) {
    if (field.number === 1) domain = textOf(field);
    else if (field.number === 2) version = integerOf(field);
  }
  return [domain === 'ai.onnx' ? '' : domain, version];
}

/** A message without its tag: bytes copied from a file, or newly written ones. */
export type Encoded = Uint8Array | WireWriter;

/** The graph's messages, in the order in which they are to be written. */
export interface GraphParts {
  readonly name: string;
  readonly nodes: Iterable<Encoded>;
  readonly initializers: Iterable<Encoded>;
  readonly sparseInitializers?: Iterable<Encoded>;
  readonly inputs: Iterable<Encoded>;
  readonly outputs: Iterable<Encoded>;
  readonly valueInfo?: Iterable<Encoded>;
  /** Whole fields, tags included. */
  readonly otherFields?: Iterable<Uint8Array>;
}

export function writeModel(header: Iterable<HeaderField>, parts: GraphParts): WireWriter {
  const writer = new WireWriter();
  for (const { bytes } of header) writer.raw(bytes);
  return writer.message(MODEL_FIELD.graph, writeGraph(parts));
}

export function writeGraph(parts: GraphParts): WireWriter {
  const writer = new WireWriter();
  const putAll = (field: number, messages: Iterable<Encoded> = []) => {
    for (const message of messages) {
      if (message instanceof WireWriter) writer.message(field, message);
      else writer.bytes(field, message);
    }
  };
  putAll(GRAPH_FIELD.node, parts.nodes);
  writer.text(GRAPH_FIELD.name, parts.name);
  putAll(GRAPH_FIELD.initializer, parts.initializers);
  putAll(GRAPH_FIELD.sparseInitializer, parts.sparseInitializers);
  putAll(GRAPH_FIELD.input, parts.inputs);
  putAll(GRAPH_FIELD.output, parts.outputs);
  putAll(GRAPH_FIELD.valueInfo, parts.valueInfo);
  for (const field of parts.otherFields ?? []) writer.raw(field);
  return writer;
}

/** The parts of a graph that was read, to be written back as they are. */
export function partsOf(graph: OnnxGraph): GraphParts {
  const spans = (items: readonly { readonly span: Span }[]) => items.map((item) => bytesOf(item.span));
  return {
    name: graph.name,
    nodes: spans(graph.nodes),
    initializers: spans(graph.initializers),
    sparseInitializers: spans(graph.sparseInitializers),
    inputs: graph.inputs.map((input) => input.bytes),
    outputs: graph.outputs.map((output) => output.bytes),
    valueInfo: graph.valueInfo.map((value) => value.bytes),
    otherFields: graph.otherFields,
  };
}

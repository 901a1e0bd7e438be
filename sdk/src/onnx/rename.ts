/** Renames what a node reads, in its subgraphs too; all else is copied as it lies in the file. */
import { GRAPH_FIELD, type OnnxNode, readNames } from './graph-proto.ts';
import { bytesOf, contentOf, fieldsOf, rawField, type Span, textOf } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** New names by old ones; values that are not in it keep theirs. */
export type NewNames = ReadonlyMap<string, string>;

const NODE = { input: 1, output: 2, attribute: 5 } as const;
const ATTRIBUTE_GRAPHS: readonly number[] = [6, 11];
const NAME_OF_VALUE = 1;
const NAME_OF_TENSOR = 8;

/** The node with new names for what it reads. New names must not be made anywhere inside it. */
export function renameReads(node: OnnxNode, names: NewNames): Uint8Array {
  if (!readNames(node).some((name) => names.has(name))) return bytesOf(node.span);
  return rewriteNode(node.span, names).toBytes();
}

function rewriteNode(span: Span, names: NewNames): WireWriter {
  const writer = new WireWriter();
  for (const field of fieldsOf(span)) {
    if (field.number === NODE.input) writer.text(NODE.input, renamed(names, textOf(field)));
    else if (field.number === NODE.attribute)
      writer.message(NODE.attribute, rewriteAttribute(contentOf(field), names));
    else writer.raw(rawField(field));
  }
  return writer;
}

function rewriteAttribute(span: Span, names: NewNames): WireWriter {
  const writer = new WireWriter();
  for (const field of fieldsOf(span)) {
    if (ATTRIBUTE_GRAPHS.includes(field.number))
      writer.message(field.number, rewriteGraph(contentOf(field), names));
    else writer.raw(rawField(field));
  }
  return writer;
}

function rewriteGraph(span: Span, outer: NewNames): WireWriter {
  const own = namesMadeIn(span);
  const names = new Map([...outer].filter(([name]) => !own.has(name)));
  const writer = new WireWriter();
  for (const field of fieldsOf(span)) {
    if (field.number === GRAPH_FIELD.node)
      writer.message(GRAPH_FIELD.node, rewriteNode(contentOf(field), names));
    else if (field.number === GRAPH_FIELD.output)
      writer.message(GRAPH_FIELD.output, rewriteValueInfo(contentOf(field), names));
    else writer.raw(rawField(field));
  }
  return writer;
}

// A subgraph may hand on a value of the graph around it as it is.
function rewriteValueInfo(span: Span, names: NewNames): WireWriter {
  const writer = new WireWriter();
  for (const field of fieldsOf(span)) {
    if (field.number === NAME_OF_VALUE) writer.text(NAME_OF_VALUE, renamed(names, textOf(field)));
    else writer.raw(rawField(field));
  }
  return writer;
}

/** What a subgraph makes itself hides values of the same name around it. */
function namesMadeIn(graph: Span): ReadonlySet<string> {
  const made = new Set<string>();
  const add = (span: Span, nameField: number) => {
    for (const field of fieldsOf(span)) if (field.number === nameField) made.add(textOf(field));
  };
  for (const field of fieldsOf(graph)) {
    if (field.number === GRAPH_FIELD.node) add(contentOf(field), NODE.output);
    else if (field.number === GRAPH_FIELD.input) add(contentOf(field), NAME_OF_VALUE);
    else if (field.number === GRAPH_FIELD.initializer) add(contentOf(field), NAME_OF_TENSOR);
    else if (field.number === GRAPH_FIELD.sparseInitializer) {
      // Named by their values, the first field of SparseTensorProto.
      for (const part of fieldsOf(contentOf(field)))
        if (part.number === 1) add(contentOf(part), NAME_OF_TENSOR);
    }
  }
  return made;
}

function renamed(names: NewNames, name: string): string {
  return names.get(name) ?? name;
}

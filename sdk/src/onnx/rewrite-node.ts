/** A node of a file with other names for what it reads and makes, or other numbers; all else as it lies in the file. */
import { attributeProto } from './attribute.ts';
import type { OnnxNode } from './graph-proto.ts';
import { contentOf, fieldsOf, rawField, type Span, textOf } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

export interface NodeChanges {
  /** All inputs; trailing optional ones may be left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Attributes that are one whole number each. */
  readonly integers?: Readonly<Record<string, number>> | undefined;
}

const NODE = { input: 1, output: 2, attribute: 5 } as const;

/** What subgraphs capture keeps its name: for nodes that have some, see rename.ts. */
export function rewriteNode(node: OnnxNode, { inputs, outputs, integers = {} }: NodeChanges): WireWriter {
  const writer = new WireWriter();
  for (const name of inputs) writer.text(NODE.input, name);
  for (const name of outputs) writer.text(NODE.output, name);
  for (const field of fieldsOf(node.span)) {
    if (field.number === NODE.input || field.number === NODE.output) continue;
    if (field.number === NODE.attribute && nameOf(contentOf(field)) in integers) continue;
    writer.raw(rawField(field));
  }
  for (const [name, value] of Object.entries(integers))
    writer.message(NODE.attribute, attributeProto(name, value));
  return writer;
}

function nameOf(attribute: Span): string {
  for (const field of fieldsOf(attribute)) if (field.number === 1) return textOf(field);
  return '';
}

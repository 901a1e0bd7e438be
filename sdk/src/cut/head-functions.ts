/** A model's own functions that some nodes call: what others compute, and with which constants, is not theirs to hold. */
import { subgraphsOf } from '../onnx/external-data.ts';
import { type OnnxNode, readNode } from '../onnx/graph-proto.ts';
import { type HeaderField, MODEL_FIELD } from '../onnx/model.ts';
import { contentOf, fieldsOf, textOf } from '../onnx/wire-reader.ts';

/** Fields of FunctionProto. */
const FIELD = { name: 1, node: 7, domain: 10 } as const;

/** The header without functions that neither the nodes nor a function that they call calls. */
export function withoutIdleFunctions(
  header: readonly HeaderField[],
  nodes: readonly OnnxNode[],
): readonly HeaderField[] {
  const functions = header.filter(({ number }) => number === MODEL_FIELD.functions);
  const known = new Map(functions.map((field) => [field, readFunction(field)] as const));
  const called = new Set<HeaderField>();
  const pending = [...nodes];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const graph of node.hasSubgraph ? subgraphsOf(node) : []) pending.push(...graph.nodes);
    for (const [field, { name, domain, body }] of known) {
      if (called.has(field) || node.opType !== name || node.domain !== domain) continue;
      called.add(field);
      pending.push(...body);
    }
  }
  return header.filter((field) => !known.has(field) || called.has(field));
}

function readFunction({ bytes }: HeaderField) {
  let [name, domain] = ['', ''];
  const body: OnnxNode[] = [];
  for (const outer of fieldsOf({ file: bytes, start: 0, end: bytes.length }))
    for (const field of fieldsOf(contentOf(outer))) {
      if (field.number === FIELD.name) name = textOf(field);
      else if (field.number === FIELD.domain) domain = textOf(field);
      else if (field.number === FIELD.node) body.push(readNode(contentOf(field)));
    }
  return { name, domain, body };
}

/** Attributes of nodes, as the builder takes them, and their encoding. */
import { SplitError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { tensorProto } from './tensor-proto.ts';
import { WireWriter } from './wire-writer.ts';

/** A subgraph to be written as an attribute. */
export interface Subgraph {
  toGraphProto(): WireWriter;
}

/** A plain number is an int and a plain list is ints: ONNX wants floats to be said. */
export type AttributeValue =
  | number
  | bigint
  | string
  | readonly (number | bigint)[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Tensor }
  | { readonly graph: Subgraph };

/** Fields of AttributeProto, with the number that its `type` field has for each. */
const FIELD = {
  float: [2, 1],
  int: [3, 2],
  string: [4, 3],
  tensor: [5, 4],
  graph: [6, 5],
  floats: [7, 6],
  ints: [8, 7],
  strings: [9, 8],
} as const;
const TYPE_FIELD = 20;

export function attributeProto(name: string, value: AttributeValue): WireWriter {
  const writer = new WireWriter().text(1, name);
  const kind = putValue(writer, name, value);
  return writer.int(TYPE_FIELD, FIELD[kind][1]);
}

function putValue(writer: WireWriter, name: string, value: AttributeValue): keyof typeof FIELD {
  if (typeof value === 'number' || typeof value === 'bigint') {
    writer.int(FIELD.int[0], checkInteger(name, value));
    return 'int';
  }
  if (typeof value === 'string') {
    writer.text(FIELD.string[0], value);
    return 'string';
  }
  return 'length' in value ? putInts(writer, name, value) : putTagged(writer, value);
}

function putInts(writer: WireWriter, name: string, values: readonly (number | bigint)[]): 'ints' {
  for (const value of values) writer.int(FIELD.ints[0], checkInteger(name, value));
  return 'ints';
}

type Tagged = Exclude<AttributeValue, number | bigint | string | readonly (number | bigint)[]>;

function putTagged(writer: WireWriter, value: Tagged): keyof typeof FIELD {
  if ('float' in value) {
    writer.float(FIELD.float[0], value.float);
    return 'float';
  }
  if ('floats' in value) {
    for (const item of value.floats) writer.float(FIELD.floats[0], item);
    return 'floats';
  }
  if ('strings' in value) {
    for (const item of value.strings) writer.text(FIELD.strings[0], item);
    return 'strings';
  }
  if ('tensor' in value) {
    writer.message(FIELD.tensor[0], tensorProto('', value.tensor));
    return 'tensor';
  }
  writer.message(FIELD.graph[0], value.graph.toGraphProto());
  return 'graph';
}

function checkInteger(name: string, value: number | bigint): number | bigint {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return value;
  throw new SplitError(
    'options-invalid',
    `attribute ${name} is ${value}; write {float: ${value}} for a float`,
  );
}

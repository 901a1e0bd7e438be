/** ValueInfoProto: the name of a value and, where known, its type and shape. */
import { TENSOR_TYPES, type TensorInfo } from '../tensor.ts';
import { tensorTypeOf } from './tensor-proto.ts';
import {
  bytesOf,
  contentOf,
  type Field,
  fieldsOf,
  integerOf,
  modelInvalid,
  type Span,
  textOf,
} from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

const MAX_RANK = 64;

export interface ValueInfo {
  readonly name: string;
  /** What kind of value; `none` when the model does not say. */
  readonly kind: 'tensor' | 'other' | 'none';
  /** ONNX's number of a tensor's element type; 0 when not said. */
  readonly dataType: number;
  /** Symbolic dimensions are strings, anonymous ones `''`; null is an unknown rank. */
  readonly shape: readonly (number | string)[] | null;
  /** The whole message as it lies in the file. */
  readonly bytes: Uint8Array;
}

export function readValueInfo(span: Span): ValueInfo {
  let name = '';
  let type: Pick<ValueInfo, 'kind' | 'dataType' | 'shape'> = { kind: 'none', dataType: 0, shape: null };
  for (const field of fieldsOf(span)) {
    if (field.number === 1) name = textOf(field);
    else if (field.number === 2) type = readType(contentOf(field));
  }
  return { name, ...type, bytes: bytesOf(span) };
}

function readType(span: Span): Pick<ValueInfo, 'kind' | 'dataType' | 'shape'> {
  const denotation = 6;
  let kind: ValueInfo['kind'] = 'none';
  for (const field of fieldsOf(span)) {
    if (field.number === 1) return { kind: 'tensor', ...readTensorType(contentOf(field)) };
    if (field.number !== denotation) kind = 'other';
  }
  return { kind, dataType: 0, shape: null };
}

function readTensorType(span: Span): Pick<ValueInfo, 'dataType' | 'shape'> {
  let dataType = 0;
  let shape: (number | string)[] | null = null;
  for (const field of fieldsOf(span)) {
    if (field.number === 1) dataType = integerOf(field);
    else if (field.number === 2) shape = readShape(contentOf(field));
  }
  return { dataType, shape };
}

function readShape(span: Span): (number | string)[] {
  const shape: (number | string)[] = [];
  for (const field of fieldsOf(span)) {
    if (field.number === 1) shape.push(readDimension(field));
    if (shape.length > MAX_RANK) throw modelInvalid(field.at, `shape of more than ${MAX_RANK} dimensions`);
  }
  return shape;
}

function readDimension(dimension: Field): number | string {
  for (const field of fieldsOf(contentOf(dimension))) {
    // Some exporters write -1 for "any".
    if (field.number === 1) return integerOf(field) >= 0 ? integerOf(field) : '';
    if (field.number === 2) return textOf(field);
  }
  return '';
}

/** The same as TensorInfo; undefined for what is not a tensor, or has an element type we do not carry. */
export function tensorInfoOf({ name, dataType, shape }: ValueInfo): TensorInfo | undefined {
  const type = tensorTypeOf(dataType);
  return type && { name, type, shape };
}

/** A graph input or output as bytes. An unknown rank is left out: an empty shape would mean a scalar. */
export function valueInfoBytes({ name, type, shape }: TensorInfo): Uint8Array {
  const tensorType = new WireWriter().int(1, TENSOR_TYPES[type].onnx);
  if (shape) tensorType.message(2, shapeProto(shape));
  return new WireWriter().text(1, name).message(2, new WireWriter().message(1, tensorType)).toBytes();
}

/** A graph output of which the runtime is to find out the type. */
export function untypedValueInfoBytes(name: string): Uint8Array {
  return new WireWriter().text(1, name).toBytes();
}

function shapeProto(shape: readonly (number | string)[]): WireWriter {
  const writer = new WireWriter();
  for (const dim of shape) {
    const dimension = new WireWriter();
    if (typeof dim === 'number') dimension.int(1, dim);
    else if (dim !== '') dimension.text(2, dim);
    writer.message(1, dimension);
  }
  return writer;
}

/** The values of a TensorProto, in whichever of its fields they are: raw bytes, or a list by type. */
import { SplitError } from '../errors.ts';
import { elementCount, TENSOR_TYPES, type Tensor, type TensorType, tensorFromBytes } from '../tensor.ts';
import { type OnnxTensor, readTensor, tensorTypeOf } from './tensor-proto.ts';
import {
  bigIntegersOf,
  bytesOf,
  contentOf,
  type Field,
  fieldsOf,
  integersOf,
  modelInvalid,
  type Span,
  textOf,
  WIRE,
} from './wire-reader.ts';

/** Fields that hold values, by the element types that use them. */
const LISTS: Readonly<Record<TensorType, number>> = {
  float32: 4,
  int32: 5,
  int16: 5,
  int8: 5,
  uint16: 5,
  uint8: 5,
  bool: 5,
  float16: 5,
  int64: 7,
  float64: 10,
  uint32: 11,
  uint64: 11,
};
const STRINGS = 6;
const STRING_TYPE = 8;

/** A serialised TensorProto with its name. @throws SplitError `model-invalid` where the values do not fill the shape */
export function decodeTensor(bytes: Uint8Array): { readonly name: string; readonly tensor: Tensor } {
  const proto = readTensor({ file: bytes, start: 0, end: bytes.length });
  return { name: proto.name, tensor: valuesOf(proto) };
}

/** A copy of a tensor's values. Those in another file are not read. */
export function valuesOf(proto: OnnxTensor): Tensor {
  const type = tensorTypeOf(proto.dataType);
  if (!type) throw invalid(proto, `has element type ${proto.dataType}, which is not carried`);
  if (proto.external) throw invalid(proto, 'has its values in another file');
  const expected = elementCount(proto.dims) * TENSOR_TYPES[type].bytes;
  const bytes = proto.raw ? rawBytes(proto, proto.raw) : listedBytes(proto.span, type);
  if (bytes.length !== expected)
    throw invalid(proto, `has ${bytes.length} bytes of values where its shape needs ${expected}`);
  return tensorFromBytes(type, proto.dims, bytes);
}

/** The values of a tensor of strings; undefined for any other. */
export function stringsOf(proto: OnnxTensor): string[] | undefined {
  if (proto.dataType !== STRING_TYPE) return undefined;
  return [...fieldsOf(proto.span)].filter((field) => field.number === STRINGS).map(textOf);
}

function rawBytes({ span }: OnnxTensor, { offset, length }: { offset: number; length: number }): Uint8Array {
  return new Uint8Array(span.file.subarray(offset, offset + length));
}

function listedBytes(span: Span, type: TensorType): Uint8Array {
  const parts = [...fieldsOf(span)]
    .filter((field) => field.number === LISTS[type])
    .map((field) => bytesOfList(field, type));
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function bytesOfList(field: Field, type: TensorType): Uint8Array {
  // Packed or not, numbers of fixed width are the bytes of the tensor.
  if (type === 'float32') return fixedBytes(field, WIRE.fixed32, 4);
  if (type === 'float64') return fixedBytes(field, WIRE.fixed64, 8);
  const maxCount = field.content.end - field.content.start;
  if (type === 'int64' || type === 'uint64')
    return new Uint8Array(BigInt64Array.from(bigIntegersOf(field, maxCount)).buffer);
  const wide = Int32Array.from(integersOf(field, maxCount), (value) => value | 0);
  return new Uint8Array(narrow(wide, TENSOR_TYPES[type].bytes).buffer);
}

function fixedBytes(field: Field, wire: number, size: number): Uint8Array {
  const content = field.wire === wire ? field.content : contentOf(field);
  const bytes = bytesOf(content);
  if (bytes.length % size === 0) return bytes;
  throw modelInvalid(field.at, `list of ${bytes.length} bytes, which is no multiple of ${size}`);
}

function narrow(
  values: Int32Array<ArrayBuffer>,
  size: number,
): Int32Array<ArrayBuffer> | Int16Array<ArrayBuffer> | Int8Array<ArrayBuffer> {
  if (size === 4) return values;
  return size === 2 ? Int16Array.from(values) : Int8Array.from(values);
}

function invalid({ name }: OnnxTensor, what: string): SplitError {
  return new SplitError('model-invalid', `tensor ${JSON.stringify(name.slice(0, 80))} ${what}`);
}

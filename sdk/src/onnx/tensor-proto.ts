/** TensorProto: a weight in a model file. Read without touching its values; written inline or by reference. */
import { TENSOR_TYPES, type Tensor, type TensorType, tensorBytes } from '../tensor.ts';
import {
  contentOf,
  type Field,
  fieldsOf,
  integerOf,
  integersOf,
  modelInvalid,
  type Span,
  textOf,
  WIRE,
} from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** Fields of TensorProto. */
const FIELD = {
  dims: 1,
  dataType: 2,
  floatData: 4,
  doubleData: 10,
  name: 8,
  rawData: 9,
  externalData: 13,
  dataLocation: 14,
} as const;
const EXTERNAL = 1;
const MAX_RANK = 64;

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface OnnxTensor {
  readonly name: string;
  /** ONNX's number of the element type; 1 is float32. */
  readonly dataType: number;
  readonly dims: readonly number[];
  /** The whole message as it lies in the file. */
  readonly span: Span;
  /** Where the values lie in the file as the bytes of the tensor; null if encoded otherwise, or in another file. */
  readonly raw: ByteRange | null;
  /** `location`, `offset` and `length` of values in another file, as the model has them. */
  readonly external: ReadonlyMap<string, string> | null;
}

export function readTensor(span: Span): OnnxTensor {
  let name = '';
  let dataType = 0;
  let raw: ByteRange | null = null;
  const dims: number[] = [];
  const external = new Map<string, string>();
  const lists: Field[] = [];
  for (const field of fieldsOf(span)) {
    if (field.number === FIELD.name) name = textOf(field);
    else if (field.number === FIELD.dataType) dataType = integerOf(field);
    else if (field.number === FIELD.dims) dims.push(...readDims(integersOf(field, MAX_RANK), field.at));
    else if (field.number === FIELD.rawData) raw = rangeOf(contentOf(field));
    else if (field.number === FIELD.floatData || field.number === FIELD.doubleData) lists.push(field);
    else if (field.number === FIELD.externalData) external.set(...readEntry(contentOf(field)));
    if (dims.length > MAX_RANK) throw modelInvalid(field.at, `tensor of more than ${MAX_RANK} dimensions`);
  }
  raw ??= packedRange(dataType, lists);
  return { name, dataType, dims, span, raw, external: external.size > 0 ? external : null };
}

/** A packed list of floats or doubles is, byte for byte, what raw bytes would be. */
function packedRange(dataType: number, lists: readonly Field[]): ByteRange | null {
  const [list, second] = lists;
  if (!list || second || list.wire !== WIRE.bytes) return null;
  const { float32, float64 } = TENSOR_TYPES;
  const isOfType = list.number === FIELD.floatData ? dataType === float32.onnx : dataType === float64.onnx;
  return isOfType ? rangeOf(list.content) : null;
}

function readDims(dims: readonly number[], at: number): readonly number[] {
  const bad = dims.find((dim) => dim < 0 || dim > Number.MAX_SAFE_INTEGER);
  if (bad !== undefined) throw modelInvalid(at, `dimension ${bad}`);
  return dims;
}

function rangeOf({ start, end }: Span): ByteRange {
  return { offset: start, length: end - start };
}

function readEntry(span: Span): [string, string] {
  let key = '';
  let value = '';
  for (const field of fieldsOf(span)) {
    if (field.number === 1) key = textOf(field);
    else if (field.number === 2) value = textOf(field);
  }
  return [key, value];
}

/** Writes a tensor with its values as raw bytes. */
export function tensorProto(name: string, tensor: Tensor): WireWriter {
  const dataType = TENSOR_TYPES[tensor.type].onnx;
  return tensorHead({ name, dataType, dims: tensor.dims }).bytes(FIELD.rawData, tensorBytes(tensor));
}

/** Writes a tensor whose values lie in another file, or in the original model file. */
export function externalTensorProto(
  tensor: Pick<OnnxTensor, 'name' | 'dataType' | 'dims'>,
  location: string,
  range: ByteRange,
): WireWriter {
  const writer = tensorHead(tensor);
  const entries = { location, offset: `${range.offset}`, length: `${range.length}` };
  for (const [key, value] of Object.entries(entries)) {
    writer.message(FIELD.externalData, new WireWriter().text(1, key).text(2, value));
  }
  return writer.int(FIELD.dataLocation, EXTERNAL);
}

function tensorHead({ name, dataType, dims }: Pick<OnnxTensor, 'name' | 'dataType' | 'dims'>): WireWriter {
  const writer = new WireWriter();
  for (const dim of dims) writer.int(FIELD.dims, dim);
  return writer.int(FIELD.dataType, dataType).text(FIELD.name, name);
}

const TYPE_BY_NUMBER: ReadonlyMap<number, TensorType> = new Map(
  Object.entries(TENSOR_TYPES).map(([type, { onnx }]) => [onnx, type as TensorType]),
);

/** The element type of an ONNX number; undefined for strings, complex numbers and types we do not carry. */
export function tensorTypeOf(dataType: number): TensorType | undefined {
  return TYPE_BY_NUMBER.get(dataType);
}

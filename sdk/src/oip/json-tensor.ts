/**
 * Tensors in the JSON of the Open Inference Protocol: datatype names, shapes, data flat or nested.
 * float16 has no JSON form there; it travels by the binary extension.
 */
import { SplitError } from '../errors.ts';
import { elementCount, TENSOR_TYPES, type Tensor, type TensorType, tensorFromBytes } from '../tensor.ts';
import { DATATYPES, typeOf } from './datatype.ts';

/** Most dimensions of a tensor. */
export const MAX_RANK = 8;

/** Least and greatest value of each integer type that fits a JSON number; 64-bit ones only as far as those are exact. */
const RANGES: Partial<Record<TensorType, readonly [number, number]>> = {
  uint8: [0, 0xff],
  int8: [-0x80, 0x7f],
  uint16: [0, 0xffff],
  int16: [-0x8000, 0x7fff],
  uint32: [0, 0xffff_ffff],
  int32: [-0x8000_0000, 0x7fff_ffff],
  uint64: [0, Number.MAX_SAFE_INTEGER],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  bool: [0, 1],
};

export interface OipTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  /** Row-major, flat or nested. */
  readonly data: unknown;
}

/** Not a number and the infinities have no JSON form either and are written as null. */
export function toOip(name: string, { type, data, dims }: Tensor): OipTensor {
  if (type === 'float16') throw noJsonForm(name);
  return {
    name,
    datatype: DATATYPES[type],
    shape: dims,
    data: Array.from<number | bigint, unknown>(data, toJson(type)),
  };
}

/** @throws SplitError `input-type` or `input-shape` */
export function fromOip({ name, datatype, shape, data }: OipTensor): Tensor {
  const type = typeOf(name, datatype);
  if (type === 'float16') throw noJsonForm(name);
  if (shape.length > MAX_RANK)
    throw new SplitError('input-shape', `input '${name}' has rank ${shape.length}; the limit is ${MAX_RANK}`);
  const values = flatten(name, data);
  const expected = elementCount(shape);
  if (values.length !== expected) {
    throw new SplitError(
      'input-shape',
      `input '${name}' has ${values.length} values; shape [${shape}] needs ${expected}`,
    );
  }
  return fill(
    name,
    tensorFromBytes(type, shape, new Uint8Array(expected * TENSOR_TYPES[type].bytes)),
    values,
  );
}

function flatten(name: string, data: unknown): readonly unknown[] {
  if (!Array.isArray(data)) throw new SplitError('input-shape', `input '${name}' has no array as its data`);
  let level: readonly unknown[] = data;
  for (let depth = 1; level.some(Array.isArray); depth++) {
    if (depth >= MAX_RANK)
      throw new SplitError('input-shape', `data of input '${name}' is nested deeper than ${MAX_RANK}`);
    level = level.flat();
  }
  return level;
}

function fill(name: string, tensor: Tensor, values: readonly unknown[]): Tensor {
  const { type, data } = tensor;
  const [least, greatest] = RANGES[type] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const isInteger = type in RANGES;
  for (let i = 0; i < values.length; i++) {
    const value = typeof values[i] === 'boolean' && type === 'bool' ? Number(values[i]) : values[i];
    if (
      typeof value !== 'number' ||
      value < least ||
      value > greatest ||
      (isInteger && !Number.isInteger(value))
    ) {
      throw new SplitError(
        'input-type',
        `value ${i} of input '${name}' is ${JSON.stringify(values[i])}; expected ${DATATYPES[type]}`,
      );
    }
    data[i] = data instanceof BigInt64Array || data instanceof BigUint64Array ? BigInt(value) : value;
  }
  return tensor;
}

function toJson(type: TensorType): (value: number | bigint) => unknown {
  if (type === 'bool') return (value) => value !== 0;
  return (value) => (typeof value === 'bigint' ? rawInteger(value) : value);
}

/** Written digit by digit, so that 64-bit integers stay exact. */
function rawInteger(value: bigint): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(value.toString());
}

function noJsonForm(name: string): SplitError {
  return new SplitError(
    'input-type',
    `'${name}' is FP16, which has no JSON form in this protocol; use its binary extension`,
  );
}

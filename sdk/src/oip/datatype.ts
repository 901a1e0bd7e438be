/** Element types by the names of the Open Inference Protocol. */
import { SplitError } from '../errors.ts';
import type { TensorType } from '../tensor.ts';

export const DATATYPES = {
  float32: 'FP32',
  float64: 'FP64',
  float16: 'FP16',
  uint8: 'UINT8',
  int8: 'INT8',
  uint16: 'UINT16',
  int16: 'INT16',
  uint32: 'UINT32',
  int32: 'INT32',
  uint64: 'UINT64',
  int64: 'INT64',
  bool: 'BOOL',
} as const satisfies Record<TensorType, string>;

export function datatypeOf(type: TensorType): string {
  return DATATYPES[type];
}

/** @throws SplitError `input-type` for a datatype that is none, or BYTES */
export function typeOf(name: string, datatype: string): TensorType {
  const type = (Object.keys(DATATYPES) as TensorType[]).find((key) => DATATYPES[key] === datatype);
  if (type !== undefined) return type;
  throw new SplitError(
    'input-type',
    `input '${name}' has datatype '${datatype}'; expected ${Object.values(DATATYPES).join(', ')}`,
  );
}

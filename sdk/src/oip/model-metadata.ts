/** What `/v2/models/NAME` says of a model. */
import type { TensorInfo } from '../tensor.ts';
import { datatypeOf } from './datatype.ts';

export interface ModelMetadata {
  readonly name: string;
  readonly versions?: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** -1 for a dimension that is not fixed. */
  readonly shape: readonly number[];
}

export function modelMetadata(o: {
  readonly name: string;
  readonly versions?: readonly string[] | undefined;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}): ModelMetadata {
  return {
    name: o.name,
    ...(o.versions && { versions: o.versions }),
    platform: 'onnxruntime_onnx',
    inputs: o.inputs.map(tensorMetadata),
    outputs: o.outputs.map(tensorMetadata),
  };
}

function tensorMetadata({ name, type, shape }: TensorInfo): TensorMetadata {
  const dims = (shape ?? []).map((dim) => (typeof dim === 'number' ? dim : -1));
  return { name, datatype: datatypeOf(type), shape: dims };
}

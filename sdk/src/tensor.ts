/** Tensors as plain objects. Structural, never `instanceof`: ONNX Runtime's own Tensor is one, so is `{type, data, dims}`. */

/** Element types, by ONNX Runtime's names. */
export const TENSOR_TYPES = {
  float32: { onnx: 1, bytes: 4 },
  uint8: { onnx: 2, bytes: 1 },
  int8: { onnx: 3, bytes: 1 },
  uint16: { onnx: 4, bytes: 2 },
  int16: { onnx: 5, bytes: 2 },
  int32: { onnx: 6, bytes: 4 },
  int64: { onnx: 7, bytes: 8 },
  bool: { onnx: 9, bytes: 1 },
  float16: { onnx: 10, bytes: 2 },
  float64: { onnx: 11, bytes: 8 },
  uint32: { onnx: 12, bytes: 4 },
  uint64: { onnx: 13, bytes: 8 },
} as const;

export type TensorType = keyof typeof TENSOR_TYPES;

/** The array behind a tensor. float16 is carried as its bits in a Uint16Array, bool as 0 or 1 in a Uint8Array. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array;

export interface Tensor {
  readonly type: TensorType;
  readonly data: TensorData;
  /** Row-major shape; empty for a scalar. */
  readonly dims: readonly number[];
}

/** Tensors by name: feeds, outputs, or what crosses a cut. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** What is known of a tensor before it is computed. */
export interface TensorInfo {
  readonly name: string;
  readonly type: TensorType;
  /** A string is a symbolic dimension; `null` is an unknown rank. */
  readonly shape: readonly (number | string)[] | null;
}

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
  float16: Uint16Array,
} as const;

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** The tensor's memory as bytes, without a copy. */
export function tensorBytes(tensor: Tensor): Uint8Array {
  // By way of the buffer: some runtimes hand out Float16Array, which must not be converted by value.
  return new Uint8Array(tensor.data.buffer as ArrayBuffer, tensor.data.byteOffset, tensor.data.byteLength);
}

/** A tensor over `bytes`; copies only where the address is not aligned for the element type. */
export function tensorFromBytes(type: TensorType, dims: readonly number[], bytes: Uint8Array): Tensor {
  const { bytes: size } = TENSOR_TYPES[type];
  // Not slice(): on a Buffer that is a view of the same misaligned memory.
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const data = new ARRAYS[type](aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / size);
  return { type, data, dims };
}

/** A number format: elements to symbols and back. raw.ts, float16.ts and uint8-affine.ts are the ones there are. */
import type { Tensor, TensorType } from '../../tensor.ts';

/** A tensor as symbols, before entropy coding. */
export interface Symbols {
  readonly parameters: Uint8Array;
  readonly payload: Uint8Array;
}

export interface NumberFormat {
  /** Its number in a frame. */
  readonly id: number;
  /** Length of the parameters in a frame, in bytes. */
  readonly parameterBytes: number;
  /** Bytes of one symbol, or `undefined` for an element type that this format does not take. */
  symbolBytes(type: TensorType): number | undefined;
  /** `undefined` when the tensor has values that this format cannot keep; it then travels raw. */
  encode(tensor: Tensor): Symbols | undefined;
  /** `symbols` has the lengths that this format asks for. The result owns its memory. */
  decode(symbols: Symbols, type: TensorType, dims: readonly number[]): Tensor;
}

/** A number format: elements to symbols and back. Each file beside this one is one, or a family of them. */
import type { Tensor, TensorType } from '../../tensor.ts';

/** A tensor as symbols, before entropy coding. */
export interface Symbols {
  readonly parameters: Uint8Array;
  /** Symbols of less than a byte take one here; they are packed later. */
  readonly payload: Uint8Array;
}

export interface NumberFormat {
  /** Its number in a frame. */
  readonly id: number;
  /** Bits of one symbol, or `undefined` for an element type that this format does not take. 4, or a multiple of 8. */
  symbolBits(type: TensorType): number | undefined;
  /** Why parameters of this length cannot belong to this shape, or `undefined` when they can. */
  refuseParameters(bytes: number, dims: readonly number[]): string | undefined;
  /** `undefined` when the tensor has values that this format cannot keep; it then travels raw. */
  encode(tensor: Tensor): Symbols | undefined;
  /** `symbols` has the lengths that this format asks for. The result owns its memory. */
  decode(symbols: Symbols, type: TensorType, dims: readonly number[]): Tensor;
}

/** For formats whose parameters have one length. */
export function refuseUnless(wanted: number, bytes: number): string | undefined {
  return bytes === wanted ? undefined : `${bytes} bytes of parameters, not ${wanted}`;
}

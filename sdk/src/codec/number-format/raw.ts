/** Raw: the tensor's own bytes, whatever its type. Lossless to the last bit. */
import { TENSOR_TYPES, type Tensor, tensorBytes, tensorFromBytes } from '../../tensor.ts';
import { NUMBER_FORMAT_IDS } from '../frame.ts';
import type { NumberFormat, Symbols } from './number-format.ts';
import { refuseUnless } from './number-format.ts';

/** The one format that takes everything. */
export interface RawFormat extends NumberFormat {
  encode(tensor: Tensor): Symbols;
}

export function rawFormat(): RawFormat {
  return {
    id: NUMBER_FORMAT_IDS.raw,
    symbolBits: (type) => 8 * TENSOR_TYPES[type].bytes,
    refuseParameters: (bytes) => refuseUnless(0, bytes),
    encode: (tensor) => ({ parameters: new Uint8Array(0), payload: tensorBytes(tensor) }),
    // A copy: the frame's memory belongs to the transport, and may be read-only or about to be reused.
    decode: ({ payload }, type, dims) => tensorFromBytes(type, dims, new Uint8Array(payload)),
  };
}

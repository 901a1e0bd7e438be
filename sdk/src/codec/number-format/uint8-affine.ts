/**
 * uint8 and uint4: affine numbers (affine.ts) of one scale a tensor, one byte or half of one an element, for float32 and
 * float16. The parameters are scale and zeroPoint, float32 each.
 * A tensor with NaN or an infinity, or whose range leaves float32's normal numbers, is not taken and travels raw.
 */
import type { Tensor, TensorType } from '../../tensor.ts';
import { NUMBER_FORMAT_IDS } from '../frame.ts';
import type { Kernels, Range, SymbolScale } from '../kernels/kernels.ts';
import { referenceKernels } from '../kernels/reference.ts';
import { fitScale, fromFloats, isFloat, readScale, SCALE_BYTES, toFloats, writeScales } from './affine.ts';
import type { NumberFormat, Symbols } from './number-format.ts';
import { refuseUnless } from './number-format.ts';

export type Affine = SymbolScale;

/** Of a tensor without values. */
const EMPTY: Affine = { scale: 1, zeroPoint: 0 };

export function uint8Format(kernels: Kernels = referenceKernels()): NumberFormat {
  return affineFormat(kernels, { id: NUMBER_FORMAT_IDS.uint8, bits: 8 });
}

export function uint4Format(kernels: Kernels = referenceKernels()): NumberFormat {
  return affineFormat(kernels, { id: NUMBER_FORMAT_IDS.uint4, bits: 4 });
}

function affineFormat(
  kernels: Kernels,
  { id, bits }: { readonly id: number; readonly bits: 4 | 8 },
): NumberFormat {
  const maxSymbol = 2 ** bits - 1;

  function encode(tensor: Tensor): Symbols | undefined {
    const floats = toFloats(tensor);
    if (floats?.length === 0) return { parameters: writeScales([EMPTY]), payload: new Uint8Array(0) };
    const scaleFor = (range: Range) => fitScale(range, maxSymbol);
    const quantised = floats && kernels.quantiseFitted(floats, scaleFor, maxSymbol);
    return quantised && { parameters: writeScales([quantised.scale]), payload: quantised.symbols };
  }

  function decode({ parameters, payload }: Symbols, type: TensorType, dims: readonly number[]): Tensor {
    return fromFloats(kernels.dequantise(payload, readScale(parameters)), type, dims);
  }

  return {
    id,
    symbolBits: (type) => (isFloat(type) ? bits : undefined),
    refuseParameters: (bytes) => refuseUnless(SCALE_BYTES, bytes),
    encode,
    decode,
  };
}

/** The scale and zero point that cover all values; `undefined` where none do. */
export function fitAffine(
  floats: Float32Array,
  {
    kernels = referenceKernels(),
    maxSymbol = 255,
  }: { readonly kernels?: Kernels; readonly maxSymbol?: number } = {},
): Affine | undefined {
  if (floats.length === 0) return EMPTY;
  const range = kernels.range(floats);
  return range && fitScale(range, maxSymbol);
}

/**
 * Affine numbers: value = (symbol - zeroPoint) * scale, from the least value to the greatest in equal steps.
 * The error is at most half a scale (and the rounding of the element type), and zero stays zero: where values lie on both
 * sides of it, zeroPoint is a whole number, as ONNX's DequantizeLinear wants it.
 */
import { SplitError } from '../../errors.ts';
import type { Tensor, TensorType } from '../../tensor.ts';
import { tensorBytes, tensorFromBytes } from '../../tensor.ts';
import type { Range, SymbolScale } from '../kernels/kernels.ts';
import { floatsToHalves, halvesToFloats } from './float16.ts';

/** Of one scale in the parameters: scale and zeroPoint, float32 each. */
export const SCALE_BYTES = 8;
/** Below it a float32 has fewer than 24 significant bits, and the scale would be rounded too coarsely. */
const SMALLEST_NORMAL = 2 ** -126;

/** The scale and zero point that cover a range; `undefined` where none in float32's normal numbers do. */
export function fitScale({ min, max }: Range, maxSymbol: number): SymbolScale | undefined {
  return min === max ? fitConstant(min) : fitRange(min, max, maxSymbol);
}

/** Exact: the one value is plus or minus one scale, or zero. */
function fitConstant(value: number): SymbolScale {
  if (value === 0) return { scale: 1, zeroPoint: 0 };
  return { scale: Math.abs(value), zeroPoint: value > 0 ? -1 : 1 };
}

function fitRange(min: number, max: number, maxSymbol: number): SymbolScale | undefined {
  const scale = Math.fround((max - min) / maxSymbol);
  const exact = -min / scale;
  // Adding 0 turns minus zero into zero.
  const zeroPoint = Math.fround(min < 0 && max > 0 ? Math.round(exact) : exact) + 0;
  const ends = [-zeroPoint * scale, (maxSymbol - zeroPoint) * scale];
  const fits = scale >= SMALLEST_NORMAL && ends.every((end) => Number.isFinite(Math.fround(end)));
  return fits ? { scale, zeroPoint } : undefined;
}

/** float32 and float16 as float32; `undefined` for other types. */
export function toFloats(tensor: Tensor): Float32Array | undefined {
  if (tensor.type === 'float32') return tensor.data as Float32Array;
  if (tensor.type !== 'float16') return undefined;
  // By way of the bytes: some runtimes hand out Float16Array.
  return halvesToFloats(tensorFromBytes('float16', tensor.dims, tensorBytes(tensor)).data as Uint16Array);
}

/** The way back from `toFloats`, rounding where the type asks for it. */
export function fromFloats(values: Float32Array, type: TensorType, dims: readonly number[]): Tensor {
  if (type === 'float32') return { type, dims, data: values };
  const halves = new Uint16Array(values.length);
  floatsToHalves(values, halves);
  return { type, dims, data: halves };
}

export function isFloat(type: TensorType): boolean {
  return type === 'float32' || type === 'float16';
}

export function writeScales(scales: readonly SymbolScale[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(SCALE_BYTES * scales.length));
  for (const [index, { scale, zeroPoint }] of scales.entries()) {
    view.setFloat32(SCALE_BYTES * index, scale, true);
    view.setFloat32(SCALE_BYTES * index + 4, zeroPoint, true);
  }
  return new Uint8Array(view.buffer);
}

/** @throws SplitError `codec-invalid` unless both numbers are finite and scale is above 0 */
export function readScale(parameters: Uint8Array, index = 0): SymbolScale {
  const view = new DataView(parameters.buffer, parameters.byteOffset, parameters.byteLength);
  const scale = view.getFloat32(SCALE_BYTES * index, true);
  const zeroPoint = view.getFloat32(SCALE_BYTES * index + 4, true);
  if (!(scale > 0 && Number.isFinite(scale) && Number.isFinite(zeroPoint))) {
    throw new SplitError('codec-invalid', `scale ${scale} with zero point ${zeroPoint}`);
  }
  return { scale, zeroPoint };
}

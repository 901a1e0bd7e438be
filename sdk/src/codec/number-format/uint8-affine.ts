/**
 * uint8: one byte an element, value = (symbol - zeroPoint) * scale, for float32 and float16 tensors.
 * The parameters are scale and zeroPoint, float32 each. The error is at most half a scale (and the rounding of the element type), and zero stays zero:
 * where values lie on both sides of it, zeroPoint is a whole number, as ONNX's DequantizeLinear wants it.
 * A tensor with NaN or an infinity, or whose range leaves float32's normal numbers, is not taken and travels raw.
 */
import { SplitError } from '../../errors.ts';
import type { Tensor, TensorType } from '../../tensor.ts';
import { tensorBytes, tensorFromBytes } from '../../tensor.ts';
import { NUMBER_FORMAT_IDS } from '../frame.ts';
import { floatsToHalves, halvesToFloats } from './float16.ts';
import type { NumberFormat, Symbols } from './number-format.ts';

export interface Affine {
  readonly scale: number;
  readonly zeroPoint: number;
}

const PARAMETER_BYTES = 8;
const MAX_SYMBOL = 255;
/** Below it a float32 has fewer than 24 significant bits, and the scale would be rounded too coarsely. */
const SMALLEST_NORMAL = 2 ** -126;

export function uint8Format(): NumberFormat {
  return {
    id: NUMBER_FORMAT_IDS.uint8,
    parameterBytes: PARAMETER_BYTES,
    symbolBytes: (type) => (type === 'float32' || type === 'float16' ? 1 : undefined),
    encode,
    decode,
  };
}

function encode(tensor: Tensor): Symbols | undefined {
  const floats = toFloats(tensor);
  if (floats === undefined) return undefined;
  const affine = fitAffine(floats);
  if (affine === undefined) return undefined;
  const payload = new Uint8Array(floats.length);
  quantise(floats, affine, payload);
  return { parameters: writeParameters(affine), payload };
}

function toFloats(tensor: Tensor): Float32Array | undefined {
  if (tensor.type === 'float32') return tensor.data as Float32Array;
  if (tensor.type !== 'float16') return undefined;
  // By way of the bytes: some runtimes hand out Float16Array.
  return halvesToFloats(tensorFromBytes('float16', tensor.dims, tensorBytes(tensor)).data as Uint16Array);
}

/** The scale and zero point that cover all values; `undefined` where none do. */
export function fitAffine(floats: Float32Array): Affine | undefined {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (let i = 0; i < floats.length; i++) {
    const value = floats[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
    // A NaN passes both comparisons; here it sticks.
    sum += value - value;
  }
  if (floats.length === 0) return { scale: 1, zeroPoint: 0 };
  if (sum !== 0) return undefined;
  return min === max ? fitConstant(min) : fitRange(min, max);
}

/** Exact: the one value is plus or minus one scale, or zero. */
function fitConstant(value: number): Affine {
  if (value === 0) return { scale: 1, zeroPoint: 0 };
  return { scale: Math.abs(value), zeroPoint: value > 0 ? -1 : 1 };
}

function fitRange(min: number, max: number): Affine | undefined {
  const scale = Math.fround((max - min) / MAX_SYMBOL);
  const exact = -min / scale;
  const zeroPoint = Math.fround(min < 0 && max > 0 ? Math.round(exact) : exact);
  const ends = [-zeroPoint * scale, (MAX_SYMBOL - zeroPoint) * scale];
  const fits = scale >= SMALLEST_NORMAL && ends.every((end) => Number.isFinite(Math.fround(end)));
  return fits ? { scale, zeroPoint } : undefined;
}

function quantise(floats: Float32Array, { scale, zeroPoint }: Affine, symbols: Uint8Array): void {
  // A clamped array rounds to nearest, ties to even, and clips to 0..255 by itself.
  const clamped = new Uint8ClampedArray(symbols.buffer, symbols.byteOffset, symbols.length);
  const inverse = 1 / scale;
  for (let i = 0; i < floats.length; i++) clamped[i] = (floats[i] as number) * inverse + zeroPoint;
}

function decode({ parameters, payload }: Symbols, type: TensorType, dims: readonly number[]): Tensor {
  const values = dequantiseTable(readParameters(parameters));
  if (type === 'float32')
    return { type, dims, data: lookUp(values, payload, new Float32Array(payload.length)) };
  const halves = new Uint16Array(values.length);
  floatsToHalves(values, halves);
  return { type, dims, data: lookUp(halves, payload, new Uint16Array(payload.length)) };
}

function dequantiseTable({ scale, zeroPoint }: Affine): Float32Array {
  return Float32Array.from({ length: MAX_SYMBOL + 1 }, (_, symbol) => (symbol - zeroPoint) * scale);
}

function lookUp<T extends Float32Array | Uint16Array>(table: T, symbols: Uint8Array, values: T): T {
  for (let i = 0; i < symbols.length; i++) values[i] = table[symbols[i] as number] as number;
  return values;
}

function writeParameters({ scale, zeroPoint }: Affine): Uint8Array {
  const view = new DataView(new ArrayBuffer(PARAMETER_BYTES));
  view.setFloat32(0, scale, true);
  view.setFloat32(4, zeroPoint, true);
  return new Uint8Array(view.buffer);
}

/** Also for those who look into a frame. @throws SplitError `codec-invalid` unless both are finite and scale is above 0 */
export function readParameters(parameters: Uint8Array): Affine {
  const view = new DataView(parameters.buffer, parameters.byteOffset, parameters.byteLength);
  const scale = view.getFloat32(0, true);
  const zeroPoint = view.getFloat32(4, true);
  if (!(scale > 0 && Number.isFinite(scale) && Number.isFinite(zeroPoint))) {
    throw new SplitError('codec-invalid', `uint8: scale ${scale} with zero point ${zeroPoint}`);
  }
  return { scale, zeroPoint };
}

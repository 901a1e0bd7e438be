/**
 * Uniform step: value = (symbol - zeroPoint) * step, the step a share of the values' standard deviation. The error is at
 * most half a step everywhere: a value too far away for 256 symbols is an outlier and sent as it is, at its place.
 * The parameters are step and zeroPoint, float32 each, then place (uint32) and value (float32) of each outlier, by
 * ascending place. A tensor with NaN, an infinity, or more outliers than one in 256 is not taken and travels raw.
 */
import { SplitError } from '../../errors.ts';
import type { Tensor, TensorType } from '../../tensor.ts';
import { elementCount } from '../../tensor.ts';
import { NUMBER_FORMAT_IDS } from '../frame.ts';
import type { Kernels, Range, SymbolScale } from '../kernels/kernels.ts';
import { fromFloats, isFloat, readScale, SCALE_BYTES, toFloats, writeScales } from './affine.ts';
import type { NumberFormat, Symbols } from './number-format.ts';

const OUTLIER_BYTES = 8;
const MAX_OUTLIERS = 8000;
const SYMBOLS_AN_OUTLIER = 256;
const MAX_SYMBOL = 255;

/** @param share of the standard deviation that one step is. Above 0. Decoding does not need it. */
export function uniformStepFormat(kernels: Kernels, share = 1): NumberFormat {
  return {
    id: NUMBER_FORMAT_IDS.uniformStep,
    symbolBits: (type) => (isFloat(type) ? 8 : undefined),
    refuseParameters: (bytes, dims) => {
      const outliers = (bytes - SCALE_BYTES) / OUTLIER_BYTES;
      const fits = Number.isInteger(outliers) && outliers >= 0 && outliers <= elementCount(dims);
      return fits ? undefined : `${bytes} bytes of parameters for a tensor of ${elementCount(dims)}`;
    },
    encode: (tensor) => encode(kernels, tensor, share),
    decode: (symbols, type, dims) => decode(kernels, symbols, type, dims),
  };
}

function encode(kernels: Kernels, tensor: Tensor, share: number): Symbols | undefined {
  const floats = toFloats(tensor);
  if (floats === undefined) return undefined;
  if (floats.length === 0)
    return { parameters: writeScales([{ scale: 1, zeroPoint: 0 }]), payload: new Uint8Array(0) };
  const range = kernels.range(floats);
  const scale = range && fitStep(floats, range, share);
  if (scale === undefined) return undefined;
  const outliers = findOutliers(floats, scale);
  if (outliers.length > Math.min(MAX_OUTLIERS, floats.length / SYMBOLS_AN_OUTLIER)) return undefined;
  const parameters = new Uint8Array(SCALE_BYTES + OUTLIER_BYTES * outliers.length);
  parameters.set(writeScales([scale]));
  const view = new DataView(parameters.buffer);
  for (const [index, place] of outliers.entries()) {
    view.setUint32(SCALE_BYTES + OUTLIER_BYTES * index, place, true);
    view.setFloat32(SCALE_BYTES + OUTLIER_BYTES * index + 4, floats[place] as number, true);
  }
  return { parameters, payload: kernels.quantise(floats, scale, MAX_SYMBOL) };
}

/** The zero point is whole, so that zero stays zero; the symbols lie around it as the values do. */
function fitStep(floats: Float32Array, { min, max }: Range, share: number): SymbolScale | undefined {
  if (min === max)
    return min === 0 ? { scale: 1, zeroPoint: 0 } : { scale: Math.abs(min), zeroPoint: min > 0 ? -1 : 1 };
  const { mean, deviation } = moments(floats);
  const scale = Math.fround(deviation * share);
  if (!(scale >= 2 ** -126 && Number.isFinite(scale))) return undefined;
  const [low, high] = [Math.round(min / scale), Math.round(max / scale)];
  // All symbols around the mean where they do not reach from end to end.
  const first =
    high - low <= MAX_SYMBOL
      ? low
      : Math.min(Math.max(low, Math.round(mean / scale) - 128), high - MAX_SYMBOL);
  return Math.abs(first) < 2 ** 23 ? { scale, zeroPoint: -first + 0 } : undefined;
}

function moments(floats: Float32Array): { readonly mean: number; readonly deviation: number } {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < floats.length; i++) {
    const value = floats[i] as number;
    sum += value;
    squares += value * value;
  }
  const mean = sum / floats.length;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / floats.length - mean * mean)) };
}

function findOutliers(floats: Float32Array, { scale, zeroPoint }: SymbolScale): number[] {
  const [low, high] = [(-zeroPoint - 0.5) * scale, (MAX_SYMBOL - zeroPoint + 0.5) * scale];
  const places: number[] = [];
  for (let i = 0; i < floats.length; i++) {
    const value = floats[i] as number;
    if (value < low || value > high) places.push(i);
    if (places.length > MAX_OUTLIERS) break;
  }
  return places;
}

function decode(
  kernels: Kernels,
  { parameters, payload }: Symbols,
  type: TensorType,
  dims: readonly number[],
): Tensor {
  const values = kernels.dequantise(payload, readScale(parameters));
  const view = new DataView(parameters.buffer, parameters.byteOffset, parameters.byteLength);
  for (let at = SCALE_BYTES; at < parameters.length; at += OUTLIER_BYTES) {
    const place = view.getUint32(at, true);
    if (place >= values.length)
      throw new SplitError('codec-invalid', `an outlier at ${place} of ${values.length}`);
    values[place] = view.getFloat32(at + 4, true);
  }
  return fromFloats(values, type, dims);
}

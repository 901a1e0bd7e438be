/**
 * uint8 and uint4 with a scale for every channel: as uint8-affine.ts, but each channel has its own range.
 * The channel is the second axis from rank 4 up, else the last; below rank 2 there is one. The parameters are the scales
 * in the order of the channels, which limits these to 8191.
 */
import type { Tensor, TensorType } from '../../tensor.ts';
import { elementCount } from '../../tensor.ts';
import { NUMBER_FORMAT_IDS } from '../frame.ts';
import type { Kernels, SymbolScale } from '../kernels/kernels.ts';
import { fromFloats, isFloat, readScale, SCALE_BYTES, toFloats, writeScales } from './affine.ts';
import type { NumberFormat, Symbols } from './number-format.ts';
import { refuseUnless } from './number-format.ts';
import { fitAffine } from './uint8-affine.ts';

const MAX_CHANNELS = 8191;

export function uint8ChannelsFormat(kernels: Kernels): NumberFormat {
  return channelsFormat(kernels, { id: NUMBER_FORMAT_IDS.uint8Channels, bits: 8 });
}

export function uint4ChannelsFormat(kernels: Kernels): NumberFormat {
  return channelsFormat(kernels, { id: NUMBER_FORMAT_IDS.uint4Channels, bits: 4 });
}

function channelsFormat(
  kernels: Kernels,
  { id, bits }: { readonly id: number; readonly bits: 4 | 8 },
): NumberFormat {
  const maxSymbol = 2 ** bits - 1;

  function encode(tensor: Tensor): Symbols | undefined {
    const floats = toFloats(tensor);
    const axis = channelAxis(tensor.dims);
    if (floats === undefined || axis.channels > MAX_CHANNELS) return undefined;
    const payload = new Uint8Array(floats.length);
    const scales: SymbolScale[] = [];
    for (let channel = 0; channel < axis.channels; channel++) {
      const values = gather(floats, axis, channel);
      const scale = fitAffine(values, { kernels, maxSymbol });
      if (scale === undefined) return undefined;
      scales.push(scale);
      scatter(kernels.quantise(values, scale, maxSymbol), payload, axis, channel);
    }
    return { parameters: writeScales(scales), payload };
  }

  function decode({ parameters, payload }: Symbols, type: TensorType, dims: readonly number[]): Tensor {
    const axis = channelAxis(dims);
    const floats = new Float32Array(payload.length);
    for (let channel = 0; channel < axis.channels; channel++) {
      const values = kernels.dequantise(gather(payload, axis, channel), readScale(parameters, channel));
      scatter(values, floats, axis, channel);
    }
    return fromFloats(floats, type, dims);
  }

  return {
    id,
    symbolBits: (type) => (isFloat(type) ? bits : undefined),
    refuseParameters: (bytes, dims) => refuseUnless(SCALE_BYTES * channelAxis(dims).channels, bytes),
    encode,
    decode,
  };
}

interface ChannelAxis {
  readonly channels: number;
  /** Elements of a channel that lie side by side. */
  readonly inner: number;
}

function channelAxis(dims: readonly number[]): ChannelAxis {
  if (dims.length < 2) return { channels: 1, inner: elementCount(dims) };
  if (dims.length < 4) return { channels: dims.at(-1) ?? 1, inner: 1 };
  return { channels: dims[1] ?? 1, inner: elementCount(dims.slice(2)) };
}

type Numbers = Float32Array | Uint8Array;

/** A channel's elements, from wherever they lie. */
function gather<T extends Numbers>(all: T, { channels, inner }: ChannelAxis, channel: number): T {
  if (all.length === inner * channels) return all.subarray(channel * inner, (channel + 1) * inner) as T;
  const count = all.length / Math.max(1, channels);
  // Not slice(): on a Buffer, as deflate gives one, that is a view, and filling it would overwrite what is read.
  const part = (all instanceof Float32Array ? new Float32Array(count) : new Uint8Array(count)) as T;
  for (let from = channel * inner, to = 0; to < part.length; from += inner * channels, to += inner) {
    part.set(all.subarray(from, from + inner), to);
  }
  return part;
}

function scatter<T extends Numbers>(
  part: T,
  all: T,
  { channels, inner }: ChannelAxis,
  channel: number,
): void {
  for (let from = 0, to = channel * inner; from < part.length; from += inner, to += inner * channels) {
    all.set(part.subarray(from, from + inner), to);
  }
}

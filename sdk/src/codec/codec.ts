/** The codec: a tensor to a frame and back. number format -> entropy -> frame; every claim is checked on the way back. */
import { SplitError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { elementCount } from '../tensor.ts';
import type { Deflate } from './entropy/deflate.ts';
import { pack, unpack } from './entropy/deflate.ts';
import type { Frame } from './frame.ts';
import {
  claimedBytes,
  ENTROPY_IDS,
  NUMBER_FORMAT_IDS,
  PREDICTOR_IDS,
  readFrame,
  writeFrame,
} from './frame.ts';
import type { ImageDecoder } from './image-frame.ts';
import { decodeImageFrame } from './image-frame.ts';
import { float16Format } from './number-format/float16.ts';
import type { NumberFormat, Symbols } from './number-format/number-format.ts';
import { rawFormat } from './number-format/raw.ts';
import { uint8Format } from './number-format/uint8-affine.ts';

/**
 * How a tensor travels. `float32` means as it is: lossless, whatever the type. `float16` halves float32,
 * `uint8` makes one byte of float32 and float16; other types, and values that the format cannot keep
 * (see number-format/), travel as they are. `+deflate` packs the result where that makes it smaller.
 */
export const CODEC_PROFILES = [
  'float32',
  'float32+deflate',
  'float16',
  'float16+deflate',
  'uint8',
  'uint8+deflate',
] as const;

export type CodecProfile = (typeof CODEC_PROFILES)[number];

const { raw, float16, uint8 } = NUMBER_FORMAT_IDS;
const STEPS: Readonly<Record<CodecProfile, { readonly numberFormat: number; readonly isPacked: boolean }>> = {
  float32: { numberFormat: raw, isPacked: false },
  'float32+deflate': { numberFormat: raw, isPacked: true },
  float16: { numberFormat: float16, isPacked: false },
  'float16+deflate': { numberFormat: float16, isPacked: true },
  uint8: { numberFormat: uint8, isPacked: false },
  'uint8+deflate': { numberFormat: uint8, isPacked: true },
};

/** For names from outside. */
export function isCodecProfile(value: string): value is CodecProfile {
  return (CODEC_PROFILES as readonly string[]).includes(value);
}

export interface CodecOptions {
  readonly deflate: Deflate;
  /** Without one, image frames are refused. */
  readonly imageDecoder?: ImageDecoder | undefined;
}

export interface DecodeLimits {
  /** Largest decoded tensor, in bytes. @default 268435456 (256 MiB) */
  readonly maxBytes?: number;
}

export interface Codec {
  /** @throws SplitError `codec-invalid` for an unknown profile, or when dimensions and data do not fit each other */
  encode(tensor: Tensor, profile: CodecProfile): Promise<Uint8Array>;
  /** The tensor owns its memory. @throws SplitError `codec-invalid` for anything that is not a sound frame */
  decode(frame: Uint8Array, limits?: DecodeLimits): Promise<Tensor>;
}

const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

export function createCodec({ deflate, imageDecoder }: CodecOptions): Codec {
  const asItIs = rawFormat();
  const formats: readonly NumberFormat[] = [asItIs, float16Format(), uint8Format()];

  async function encode(tensor: Tensor, profile: CodecProfile): Promise<Uint8Array> {
    if (!isCodecProfile(profile))
      throw invalid(`profile "${String(profile)}" is not one of ${CODEC_PROFILES.join(', ')}`);
    checkLength(tensor);
    const { numberFormat, isPacked } = STEPS[profile];
    const format = findFormat(formats, numberFormat);
    const chosen = format.encode(tensor);
    const { parameters, payload } = chosen ?? asItIs.encode(tensor);
    const packed = isPacked ? await pack(deflate, payload) : undefined;
    return writeFrame({
      numberFormat: chosen ? format.id : asItIs.id,
      predictor: PREDICTOR_IDS.none,
      entropy: packed ? ENTROPY_IDS.deflate : ENTROPY_IDS.none,
      type: tensor.type,
      dims: tensor.dims,
      parameters,
      payload: packed ?? payload,
    });
  }

  async function decode(
    bytes: Uint8Array,
    { maxBytes = DEFAULT_MAX_BYTES }: DecodeLimits = {},
  ): Promise<Tensor> {
    const frame = readFrame(bytes);
    const claimed = claimedBytes(frame);
    if (claimed > maxBytes) throw invalid(`a tensor of ${claimed} bytes exceeds ${maxBytes}`);
    if (frame.predictor !== PREDICTOR_IDS.none) throw invalid(`predictor ${frame.predictor} is not known`);
    if (frame.numberFormat === NUMBER_FORMAT_IDS.image) return decodeImageFrame(frame, imageDecoder);
    const format = findFormat(formats, frame.numberFormat);
    return format.decode(await readSymbols(frame, format, deflate), frame.type, frame.dims);
  }

  return { encode, decode };
}

/** The symbols in the lengths that the format asks for. */
async function readSymbols(frame: Frame, format: NumberFormat, deflate: Deflate): Promise<Symbols> {
  const { type, dims, parameters } = frame;
  const symbolBytes = format.symbolBytes(type);
  if (symbolBytes === undefined) throw invalid(`number format ${format.id} does not take ${type}`);
  if (parameters.length !== format.parameterBytes) {
    throw invalid(`${parameters.length} bytes of parameters, not ${format.parameterBytes}`);
  }
  return { parameters, payload: await readPayload(frame, elementCount(dims) * symbolBytes, deflate) };
}

async function readPayload(
  { entropy, payload }: Frame,
  exactBytes: number,
  deflate: Deflate,
): Promise<Uint8Array> {
  switch (entropy) {
    case ENTROPY_IDS.none:
      if (payload.length !== exactBytes)
        throw invalid(`a payload of ${payload.length} bytes, not ${exactBytes}`);
      return payload;
    case ENTROPY_IDS.deflate:
      return unpack(deflate, payload, exactBytes);
    default:
      throw invalid(`entropy coding ${entropy} is not known`);
  }
}

function findFormat(formats: readonly NumberFormat[], id: number): NumberFormat {
  const format = formats.find((candidate) => candidate.id === id);
  if (format === undefined) throw invalid(`number format ${id} is not known`);
  return format;
}

function checkLength(tensor: Tensor): void {
  const { type, data, dims } = tensor;
  if (data.byteLength !== claimedBytes(tensor)) {
    throw invalid(`${data.byteLength} bytes of ${type} do not fill dimensions [${dims.join(', ')}]`);
  }
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', what);
}

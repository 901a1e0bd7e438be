/** The codec: a tensor to a frame and back. number format -> entropy -> frame; every claim is checked on the way back. */
import { SplitError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { elementCount } from '../tensor.ts';
import type { CalibratedTables } from './entropy/calibrated-tables.ts';
import type { Deflate } from './entropy/deflate.ts';
import type { Zstd } from './entropy/zstd.ts';
import type { Frame } from './frame.ts';
import { claimedBytes, NUMBER_FORMAT_IDS, PREDICTOR_IDS, readFrame, writeFrame } from './frame.ts';
import type { ImageDecoder } from './image-frame.ts';
import { decodeImageFrame } from './image-frame.ts';
import type { Kernels } from './kernels/kernels.ts';
import { loadKernels } from './kernels/wasm.ts';
import { findFormat, numberFormats } from './number-format/formats.ts';
import type { NumberFormat, Symbols } from './number-format/number-format.ts';
import { rawFormat } from './number-format/raw.ts';
import { uniformStepFormat } from './number-format/uniform-step.ts';
import type { CodecProfile } from './profile.ts';
import { CODEC_PROFILES, isCodecProfile, profileSteps } from './profile.ts';
import type { Packers } from './symbol-packing.ts';
import { packSymbols, unpackSymbols } from './symbol-packing.ts';

export { CODEC_PROFILES, type CodecProfile, isCodecProfile } from './profile.ts';

export interface CodecOptions {
  readonly deflate: Deflate;
  /** Without one, zstd profiles pack with deflate, and zstd frames are refused. */
  readonly zstd?: Zstd | undefined;
  /** Without one, image frames are refused. */
  readonly imageDecoder?: ImageDecoder | undefined;
  /** Finds calibrated tables by the number in a frame. Without it, only frames that carry their tables are decoded. */
  readonly findTables?: ((id: number) => CalibratedTables | undefined) | undefined;
  /** The hot loops. @default WebAssembly, or TypeScript where that is missing */
  readonly kernels?: Kernels | undefined;
}

export interface EncodeOptions {
  /** For `context` profiles: tables that the decoder knows too, instead of some made for this tensor and sent along. */
  readonly tables?: CalibratedTables | undefined;
}

export interface DecodeLimits {
  /** Largest decoded tensor, in bytes. @default 268435456 (256 MiB) */
  readonly maxBytes?: number;
}

export interface Codec {
  /** @throws SplitError `codec-invalid` for an unknown profile, or when dimensions and data do not fit each other */
  encode(tensor: Tensor, profile: CodecProfile, options?: EncodeOptions): Promise<Uint8Array>;
  /** The tensor owns its memory. @throws SplitError `codec-invalid` for anything that is not a sound frame */
  decode(frame: Uint8Array, limits?: DecodeLimits): Promise<Tensor>;
}

const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

/** What is there once the kernels are loaded. */
interface Parts {
  readonly packers: Packers;
  readonly formats: readonly NumberFormat[];
}

export function createCodec(options: CodecOptions): Codec {
  const asItIs = rawFormat();
  let parts: Promise<Parts> | undefined;
  const load = () => {
    parts ??= loadParts(options);
    return parts;
  };

  async function encode(
    tensor: Tensor,
    profile: CodecProfile,
    { tables }: EncodeOptions = {},
  ): Promise<Uint8Array> {
    if (!isCodecProfile(profile))
      throw invalid(`profile "${String(profile)}" is not one of ${CODEC_PROFILES.join(', ')}`);
    checkLength(tensor);
    const { packers, formats } = await load();
    const { numberFormat, entropy, share } = profileSteps(profile);
    const format =
      share === undefined ? findFormat(formats, numberFormat) : uniformStepFormat(packers.kernels, share);
    const chosen = format.encode(tensor);
    const used = chosen ? format : asItIs;
    const { parameters, payload: symbols } = chosen ?? asItIs.encode(tensor);
    const { type, dims } = tensor;
    const symbolBits = used.symbolBits(type) ?? 8;
    const packed = await packSymbols({ symbols, symbolBits, dims }, packers, {
      entropy,
      tables: chosen && tables,
    });
    return writeFrame({
      numberFormat: used.id,
      predictor: PREDICTOR_IDS.none,
      type,
      dims,
      parameters,
      ...packed,
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
    if (frame.numberFormat === NUMBER_FORMAT_IDS.image) return decodeImageFrame(frame, options.imageDecoder);
    const { packers, formats } = await load();
    const format = findFormat(formats, frame.numberFormat);
    return format.decode(await readSymbols(frame, format, packers), frame.type, frame.dims);
  }

  return { encode, decode };
}

async function loadParts({ deflate, zstd, findTables, kernels: given }: CodecOptions): Promise<Parts> {
  const kernels = given ?? (await loadKernels());
  return {
    packers: { deflate, zstd, kernels, findTables: findTables ?? (() => undefined) },
    formats: numberFormats(kernels),
  };
}

/** The symbols in the lengths that the format asks for. */
async function readSymbols(frame: Frame, format: NumberFormat, packers: Packers): Promise<Symbols> {
  const { type, dims, parameters } = frame;
  const symbolBits = format.symbolBits(type);
  if (symbolBits === undefined) throw invalid(`number format ${format.id} does not take ${type}`);
  const refusal = format.refuseParameters(parameters.length, dims);
  if (refusal !== undefined) throw invalid(refusal);
  const payload = await unpackSymbols(frame, { count: elementCount(dims), symbolBits, dims }, packers);
  return { parameters, payload };
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

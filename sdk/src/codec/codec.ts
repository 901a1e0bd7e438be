/**
 * The codec: a tensor to a frame and back. number format -> predictor -> entropy -> frame; every claim is checked on the
 * way back.
 */
import { SplitError } from '../errors.ts';
import type { QuantisedTensor } from '../quantised.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import type { CalibratedTables } from './entropy/calibrated-tables.ts';
import type { Deflate } from './entropy/deflate.ts';
import type { Zstd } from './entropy/zstd.ts';
import type { Frame } from './frame.ts';
import { claimedBytes, NUMBER_FORMAT_IDS, PREDICTOR_IDS, readFrame, writeFrame } from './frame.ts';
import type { ImageDecoder } from './image-frame.ts';
import { decodeImageFrame } from './image-frame.ts';
import type { Kernels } from './kernels/kernels.ts';
import { loadKernels } from './kernels/wasm.ts';
import { readScale, writeScales } from './number-format/affine.ts';
import { findFormat, numberFormats } from './number-format/formats.ts';
import type { NumberFormat } from './number-format/number-format.ts';
import { rawFormat } from './number-format/raw.ts';
import { uniformStepFormat } from './number-format/uniform-step.ts';
import { makeReference, type Reference } from './predictor/reference.ts';
import { type SequencePacking, sequencePacking } from './predictor/sequence-packing.ts';
import { encodeSteady } from './predictor/steady-scale.ts';
import type { CodecProfile } from './profile.ts';
import { CODEC_PROFILES, isByteProfile, isCodecProfile, profileSteps } from './profile.ts';
import type { Packers } from './symbol-packing.ts';
import { packSymbols } from './symbol-packing.ts';

export type { Reference } from './predictor/reference.ts';
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

export interface EncodeNextOptions extends EncodeOptions {
  /** Of the same tensor's last frame that the decoder is known to have. */
  readonly reference?: Reference | undefined;
}

export interface DecodeLimits {
  /** Largest decoded tensor, in bytes. @default 268435456 (256 MiB) */
  readonly maxBytes?: number;
}

export interface DecodeNextOptions extends DecodeLimits {
  /** Finds what earlier frames of the same tensor left, by its id. */
  readonly findReference?: ((id: string) => Reference | undefined) | undefined;
}

export interface EncodedNext {
  readonly frame: Uint8Array;
  /** What the next frame can build on, once the decoder is known to have this one. */
  readonly reference: Reference;
}

export interface DecodedNext {
  readonly tensor: Tensor;
  /** `undefined` for frames on which none will build. */
  readonly reference: Reference | undefined;
}

export interface DecodedBytes {
  /** Bytes where the frame holds floats as bytes with one scale a tensor; else a tensor. */
  readonly value: Tensor | QuantisedTensor;
  readonly reference: Reference | undefined;
}

export interface Codec {
  /** @throws SplitError `codec-invalid` for an unknown profile, or when dimensions and data do not fit each other */
  encode(tensor: Tensor, profile: CodecProfile, options?: EncodeOptions): Promise<Uint8Array>;
  /**
   * As `encode`, for a tensor whose bytes were made elsewhere, in the graph of a head on a graphics processor.
   * @throws SplitError `codec-invalid` also for a profile that is not of bytes with one scale a tensor
   */
  encodeQuantised(
    tensor: QuantisedTensor,
    profile: CodecProfile,
    options?: EncodeOptions,
  ): Promise<Uint8Array>;
  /**
   * The tensor owns its memory.
   * @throws SplitError `codec-invalid` for anything that is not a sound frame, `tables-unknown` for one that names tables
   * which are not found
   */
  decode(frame: Uint8Array, limits?: DecodeLimits): Promise<Tensor>;
  /** As `encode`, for a tensor of a sequence: builds on the reference where that makes fewer bytes. */
  encodeNext(tensor: Tensor, profile: CodecProfile, options?: EncodeNextOptions): Promise<EncodedNext>;
  /** As `decode`. @throws SplitError `reference-unknown` where the frame builds on what is not there */
  decodeNext(frame: Uint8Array, options?: DecodeNextOptions): Promise<DecodedNext>;
  /** As `decodeNext`, but leaves floats as the bytes that they travelled as, where there is one for each. */
  decodeBytes(frame: Uint8Array, options?: DecodeNextOptions): Promise<DecodedBytes>;
}

const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

/** What is there once the kernels are loaded. */
interface Parts {
  readonly packers: Packers;
  readonly formats: readonly NumberFormat[];
  readonly sequences: SequencePacking;
}

export function createCodec(options: CodecOptions): Codec {
  const asItIs = rawFormat();
  let parts: Promise<Parts> | undefined;
  const load = () => {
    parts ??= loadParts(options);
    return parts;
  };

  /** The number format's part; what a format cannot keep travels as it is. */
  async function toSymbols(tensor: Tensor, profile: CodecProfile, reference?: Reference) {
    if (!isCodecProfile(profile))
      throw invalid(`profile "${String(profile)}" is not one of ${CODEC_PROFILES.join(', ')}`);
    checkLength(tensor);
    const { packers, formats, sequences } = await load();
    const { numberFormat, entropy, share, isSequence } = profileSteps(profile);
    const { kernels } = packers;
    const format =
      share === undefined ? findFormat(formats, numberFormat) : uniformStepFormat(kernels, share);
    const chosen = isSequence ? encodeSteady(tensor, format, { kernels, reference }) : format.encode(tensor);
    const used = chosen ? format : asItIs;
    const { parameters, payload: symbols } = chosen ?? asItIs.encode(tensor);
    const { type, dims } = tensor;
    const kind = { numberFormat: used.id, type, dims, parameters };
    const array = { symbols, symbolBits: used.symbolBits(type) ?? 8, dims };
    return { kind, array, entropy, isCoded: chosen !== undefined, packers, sequences };
  }

  async function encode(
    tensor: Tensor,
    profile: CodecProfile,
    { tables }: EncodeOptions = {},
  ): Promise<Uint8Array> {
    const { kind, array, entropy, isCoded, packers } = await toSymbols(tensor, profile);
    const packed = await packSymbols(array, packers, { entropy, tables: isCoded ? tables : undefined });
    return writeFrame({ ...kind, predictor: PREDICTOR_IDS.none, ...packed });
  }

  async function encodeQuantised(
    { type, dims, symbols, scale, zeroPoint }: QuantisedTensor,
    profile: CodecProfile,
    { tables }: EncodeOptions = {},
  ): Promise<Uint8Array> {
    if (!isByteProfile(profile))
      throw invalid(`profile "${profile}" is not one of bytes with one scale a tensor`);
    checkSymbols(symbols, dims);
    const { packers } = await load();
    const { numberFormat, entropy } = profileSteps(profile);
    const packed = await packSymbols({ symbols, symbolBits: 8, dims }, packers, { entropy, tables });
    const kind = { numberFormat, type, dims, parameters: writeScales([{ scale, zeroPoint }]) };
    return writeFrame({ ...kind, predictor: PREDICTOR_IDS.none, ...packed });
  }

  async function encodeNext(
    tensor: Tensor,
    profile: CodecProfile,
    { tables, reference }: EncodeNextOptions = {},
  ): Promise<EncodedNext> {
    const { kind, array, entropy, isCoded, sequences } = await toSymbols(tensor, profile, reference);
    const packed = await sequences.pack(array, {
      ...{ kind, entropy, reference },
      tables: isCoded ? tables : undefined,
    });
    return { frame: writeFrame({ ...kind, ...packed }), reference: makeReference(kind, array.symbols) };
  }

  async function decode(bytes: Uint8Array, limits: DecodeLimits = {}): Promise<Tensor> {
    const { frame, symbols, format, tensor } = await unpack(bytes, limits);
    return tensor ?? toTensor(frame, format, symbols);
  }

  /** All but the number format's part. A picture has no other. */
  async function unpack(
    bytes: Uint8Array,
    { maxBytes = DEFAULT_MAX_BYTES, findReference }: DecodeNextOptions,
  ): Promise<Unpacked> {
    const frame = readFrame(bytes);
    const claimed = claimedBytes(frame);
    if (claimed > maxBytes) throw invalid(`a tensor of ${claimed} bytes exceeds ${maxBytes}`);
    if (frame.numberFormat === NUMBER_FORMAT_IDS.image) {
      if (frame.predictor !== PREDICTOR_IDS.none) throw invalid(`predictor ${frame.predictor} of an image`);
      const tensor = await decodeImageFrame(frame, options.imageDecoder);
      return { frame, tensor, symbols: new Uint8Array(), format: asItIs };
    }
    const { formats, sequences } = await load();
    const format = findFormat(formats, frame.numberFormat);
    const symbols = await sequences.unpack(frame, checkedBits(frame, format), findReference);
    return { frame, format, symbols, tensor: undefined };
  }

  function referenceOf({ frame, symbols }: Unpacked): Reference | undefined {
    return frame.predictor === PREDICTOR_IDS.none ? undefined : makeReference(frame, symbols);
  }

  async function decodeNext(bytes: Uint8Array, next: DecodeNextOptions = {}): Promise<DecodedNext> {
    const unpacked = await unpack(bytes, next);
    const { frame, format, symbols } = unpacked;
    const tensor = unpacked.tensor ?? toTensor(frame, format, symbols);
    return { tensor, reference: referenceOf(unpacked) };
  }

  async function decodeBytes(bytes: Uint8Array, next: DecodeNextOptions = {}): Promise<DecodedBytes> {
    const unpacked = await unpack(bytes, next);
    const { frame, format, symbols, tensor } = unpacked;
    const value = tensor ?? toBytes(frame, symbols) ?? toTensor(frame, format, symbols);
    return { value, reference: referenceOf(unpacked) };
  }

  return {
    encode,
    encodeQuantised,
    decode,
    encodeNext,
    decodeNext,
    decodeBytes,
  };
}

interface Unpacked {
  readonly frame: Frame;
  readonly format: NumberFormat;
  readonly symbols: Uint8Array;
  /** Of a frame without symbols. */
  readonly tensor: Tensor | undefined;
}

function toTensor({ parameters, type, dims }: Frame, format: NumberFormat, payload: Uint8Array): Tensor {
  return format.decode({ parameters, payload }, type, dims);
}

/** `undefined` for all but bytes with one scale a tensor. Symbols may be kept as a reference, and so are left as they are. */
function toBytes(
  { numberFormat, parameters, type, dims }: Frame,
  symbols: Uint8Array,
): QuantisedTensor | undefined {
  if (numberFormat !== NUMBER_FORMAT_IDS.uint8 || (type !== 'float32' && type !== 'float16'))
    return undefined;
  return { type, dims, symbols, ...readScale(parameters) };
}

async function loadParts({ deflate, zstd, findTables, kernels: given }: CodecOptions): Promise<Parts> {
  const kernels = given ?? (await loadKernels());
  const packers = { deflate, zstd, kernels, findTables: findTables ?? (() => undefined) };
  return { packers, formats: numberFormats(kernels), sequences: sequencePacking(packers) };
}

/** Bits of the frame's symbols, once its claims are known to suit the format. */
function checkedBits({ type, dims, parameters }: Frame, format: NumberFormat): number {
  const symbolBits = format.symbolBits(type);
  if (symbolBits === undefined) throw invalid(`number format ${format.id} does not take ${type}`);
  const refusal = format.refuseParameters(parameters.length, dims);
  if (refusal !== undefined) throw invalid(refusal);
  return symbolBits;
}

function checkLength(tensor: Tensor): void {
  const { type, data, dims } = tensor;
  if (data.byteLength !== claimedBytes(tensor)) {
    throw invalid(`${data.byteLength} bytes of ${type} do not fill dimensions [${dims.join(', ')}]`);
  }
}

function checkSymbols({ length }: Uint8Array, dims: readonly number[]): void {
  if (length !== elementCount(dims))
    throw invalid(`${length} symbols do not fill dimensions [${dims.join(', ')}]`);
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', what);
}

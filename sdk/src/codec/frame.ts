/**
 * The frame: one tensor as self-describing bytes.
 *
 * | bytes    | field                                             |
 * |----------|---------------------------------------------------|
 * | 1        | frame version, 2                                  |
 * | 1        | number format: how elements became symbols        |
 * | 1        | predictor: what was subtracted from the symbols   |
 * | 1        | entropy: how the symbols were packed              |
 * | 1        | element type of the tensor, by ONNX's number      |
 * | 1        | rank, 0 to 8                                      |
 * | 1 to 3   | parameter bytes, p (varint.ts)                    |
 * | 1 to 5   | each dimension                                    |
 * | p        | parameters of the number format                   |
 * | the rest | payload                                           |
 *
 * In version 1, which is read but no longer written, the parameter bytes take 2 bytes and each dimension takes 4,
 * little-endian.
 */
import { SplitError } from '../errors.ts';
import type { TensorType } from '../tensor.ts';
import { elementCount, TENSOR_TYPES } from '../tensor.ts';
import { readVarint, varintBytes } from './varint.ts';

export const FRAME_VERSION = 2;
export const MAX_RANK = 8;

/** An id is never used twice. */
export const NUMBER_FORMAT_IDS: Readonly<
  Record<
    | 'raw'
    | 'float16'
    | 'uint8'
    | 'bfloat16'
    | 'uint4'
    | 'uniformStep'
    | 'uint8Channels'
    | 'uint4Channels'
    | 'image',
    number
  >
> = Object.freeze({
  raw: 0,
  float16: 1,
  uint8: 2,
  bfloat16: 3,
  uint4: 4,
  uniformStep: 5,
  uint8Channels: 6,
  uint4Channels: 7,
  image: 16,
});

/** `first` predicts nothing, but says that the decoder shall keep the symbols; see predictor/. */
export const PREDICTOR_IDS: Readonly<Record<'none' | 'difference' | 'context' | 'first', number>> =
  Object.freeze({ none: 0, difference: 1, context: 2, first: 3 });

export const ENTROPY_IDS: Readonly<Record<'none' | 'deflate' | 'zstd' | 'rans' | 'contextRans', number>> =
  Object.freeze({ none: 0, deflate: 1, zstd: 2, rans: 3, contextRans: 4 });

export interface Frame {
  readonly numberFormat: number;
  readonly predictor: number;
  readonly entropy: number;
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly parameters: Uint8Array;
  readonly payload: Uint8Array;
}

/** Version to rank: the same in both versions. */
const FIXED_BYTES = 6;
const FIRST_VERSION = 1;
const MAX_DIM = 0xffff_ffff;
const MAX_PARAMETER_BYTES = 0xffff;

/** @throws SplitError `codec-invalid` for a shape or parameters that a frame cannot say */
export function writeFrame(frame: Frame): Uint8Array {
  const { dims, parameters, payload } = frame;
  checkDims(dims);
  if (parameters.length > MAX_PARAMETER_BYTES) throw invalid(`${parameters.length} bytes of parameters`);
  const { onnx } = TENSOR_TYPES[frame.type];
  const head = [FRAME_VERSION, frame.numberFormat, frame.predictor, frame.entropy, onnx, dims.length];
  for (const value of [parameters.length, ...dims]) head.push(...varintBytes(value));
  const bytes = new Uint8Array(head.length + parameters.length + payload.length);
  bytes.set(head);
  bytes.set(parameters, head.length);
  bytes.set(payload, head.length + parameters.length);
  return bytes;
}

/**
 * Reads the structure; parameters and payload are views. The ids of format, predictor and entropy are not judged here.
 * @throws SplitError `codec-invalid`
 */
export function readFrame(bytes: Uint8Array): Frame {
  if (bytes.length < FIXED_BYTES)
    throw invalid(`${bytes.length} bytes, fewer than the ${FIXED_BYTES} of a header`);
  const [version = 0, numberFormat = 0, predictor = 0, entropy = 0, onnx = 0, rank = 0] = bytes;
  if (version !== FRAME_VERSION && version !== FIRST_VERSION)
    throw invalid(`version ${version}, not ${FIRST_VERSION} or ${FRAME_VERSION}`);
  const type = readType(onnx);
  if (rank > MAX_RANK) throw invalid(`rank ${rank} exceeds ${MAX_RANK}`);
  const { dims, parameterBytes, start } =
    version === FIRST_VERSION ? readFixedSizes(bytes, rank) : readSizes(bytes, rank);
  const payloadStart = start + parameterBytes;
  if (payloadStart > bytes.length)
    throw invalid(`${bytes.length} bytes, but its header takes ${payloadStart}`);
  const parameters = bytes.subarray(start, payloadStart);
  return { numberFormat, predictor, entropy, type, dims, parameters, payload: bytes.subarray(payloadStart) };
}

interface Sizes {
  readonly parameterBytes: number;
  readonly dims: readonly number[];
  /** Where the parameters begin. */
  readonly start: number;
}

function readSizes(bytes: Uint8Array, rank: number): Sizes {
  let start = FIXED_BYTES;
  const next = () => {
    const { value, length } = readVarint(bytes.subarray(start));
    start += length;
    return value;
  };
  const parameterBytes = next();
  const dims = Array.from({ length: rank }, next);
  checkDims(dims);
  return { parameterBytes, dims, start };
}

/** Of version 1. */
function readFixedSizes(bytes: Uint8Array, rank: number): Sizes {
  const dimsAt = FIXED_BYTES + 2;
  const start = dimsAt + 4 * rank;
  if (start > bytes.length) throw invalid(`${bytes.length} bytes, but its header takes ${start}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(dimsAt + 4 * axis, true));
  return { parameterBytes: view.getUint16(FIXED_BYTES, true), dims, start };
}

/** Bytes of the decoded tensor, as the frame claims. Finite whatever the dimensions, so safe to compare. */
export function claimedBytes({ type, dims }: Pick<Frame, 'type' | 'dims'>): number {
  return elementCount(dims) * TENSOR_TYPES[type].bytes;
}

function checkDims(dims: readonly number[]): void {
  if (dims.length > MAX_RANK) throw invalid(`rank ${dims.length} exceeds ${MAX_RANK}`);
  for (const dim of dims) {
    if (!Number.isInteger(dim) || dim < 0 || dim > MAX_DIM) throw invalid(`dimension ${dim}`);
  }
}

function readType(onnx: number): TensorType {
  for (const type of Object.keys(TENSOR_TYPES) as TensorType[]) {
    if (TENSOR_TYPES[type].onnx === onnx) return type;
  }
  throw invalid(`element type ${onnx} is not known`);
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', `frame: ${what}`);
}

/**
 * The frame: one tensor as self-describing bytes, little-endian throughout.
 *
 * | offset        | bytes    | field                                             |
 * |---------------|----------|---------------------------------------------------|
 * | 0             | 1        | frame version, 1                                  |
 * | 1             | 1        | number format: how elements became symbols        |
 * | 2             | 1        | predictor: what was subtracted from the symbols   |
 * | 3             | 1        | entropy: how the symbols were packed              |
 * | 4             | 1        | element type of the tensor, by ONNX's number      |
 * | 5             | 1        | rank, 0 to 8                                      |
 * | 6             | 2        | parameter bytes                                   |
 * | 8             | 4 x rank | dimensions                                        |
 * | 8 + 4 x rank  | p        | parameters of the number format                   |
 * | then          | the rest | payload                                           |
 */
import { SplitError } from '../errors.ts';
import type { TensorType } from '../tensor.ts';
import { elementCount, TENSOR_TYPES } from '../tensor.ts';

export const FRAME_VERSION = 1;
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

const FIXED_BYTES = 8;
const MAX_DIM = 0xffff_ffff;
const MAX_PARAMETER_BYTES = 0xffff;

/** @throws SplitError `codec-invalid` for a shape or parameters that a frame cannot say */
export function writeFrame(frame: Frame): Uint8Array {
  const { dims, parameters, payload } = frame;
  checkDims(dims);
  if (parameters.length > MAX_PARAMETER_BYTES) throw invalid(`${parameters.length} bytes of parameters`);
  const start = FIXED_BYTES + 4 * dims.length;
  const bytes = new Uint8Array(start + parameters.length + payload.length);
  const { onnx } = TENSOR_TYPES[frame.type];
  bytes.set([FRAME_VERSION, frame.numberFormat, frame.predictor, frame.entropy, onnx, dims.length]);
  const view = new DataView(bytes.buffer);
  view.setUint16(6, parameters.length, true);
  for (const [axis, dim] of dims.entries()) view.setUint32(FIXED_BYTES + 4 * axis, dim, true);
  bytes.set(parameters, start);
  bytes.set(payload, start + parameters.length);
  return bytes;
}

/**
 * Reads the structure; parameters and payload are views. The ids of format, predictor and entropy are not judged here.
 * @throws SplitError `codec-invalid`
 */
export function readFrame(bytes: Uint8Array): Frame {
  if (bytes.length < FIXED_BYTES)
    throw invalid(`${bytes.length} bytes, fewer than the ${FIXED_BYTES} of a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const byte = (offset: number) => view.getUint8(offset);
  if (byte(0) !== FRAME_VERSION) throw invalid(`version ${byte(0)}, not ${FRAME_VERSION}`);
  const type = readType(byte(4));
  const rank = byte(5);
  if (rank > MAX_RANK) throw invalid(`rank ${rank} exceeds ${MAX_RANK}`);
  const start = FIXED_BYTES + 4 * rank;
  const payloadStart = start + view.getUint16(6, true);
  if (payloadStart > bytes.length)
    throw invalid(`${bytes.length} bytes, but its header takes ${payloadStart}`);
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(FIXED_BYTES + 4 * axis, true));
  const parameters = bytes.subarray(start, payloadStart);
  const payload = bytes.subarray(payloadStart);
  return { numberFormat: byte(1), predictor: byte(2), entropy: byte(3), type, dims, parameters, payload };
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

/** Damaged frames: what the codec must answer with a typed error or with a tensor of the shape that the frame claims. */
import { calibrateTables } from '../../sdk/src/codec/calibrate-tables.ts';
import { CODEC_PROFILES, type Codec, type CodecProfile, createCodec } from '../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../sdk/src/codec/deflate-node.ts';
import { readFrame } from '../../sdk/src/codec/frame.ts';
import { zstdNode } from '../../sdk/src/codec/zstd-node.ts';
import { isSplitError } from '../../sdk/src/errors.ts';
import type { Tensor } from '../../sdk/src/tensor.ts';
import { elementCount, TENSOR_TYPES } from '../../sdk/src/tensor.ts';

/** Damaged dimensions claim more than was sent; what is within this limit is really decoded. */
const MAX_BYTES = 1 << 18;

export interface MutationTally {
  readonly errors: number;
  readonly tensors: number;
}

/** Damages sound frames of every profile `count` times. @throws Error that holds the frame which broke the rule */
export async function decodeMutations(count: number, seed: number): Promise<MutationTally> {
  const { codec, frames } = await soundFrames();
  const random = xorshift(seed);
  let errors = 0;
  for (let i = 0; i < count; i++) {
    const frame = damage(frames[random(frames.length)] ?? new Uint8Array(0), random);
    if ((await decodeOne(codec, frame)) === 'error') errors++;
  }
  return { errors, tensors: count - errors };
}

async function soundFrames(): Promise<{ codec: Codec; frames: Uint8Array[] }> {
  const tensors = [
    waves([1, 20, 6, 9]),
    waves([1, 12, 20]),
    waves([300]),
    { type: 'int64', dims: [2], data: BigInt64Array.of(1n, -1n) },
  ] as const;
  const tables = await calibrateTables([waves([1, 20, 6, 9])], 'uint8+context');
  const codec = createCodec({ deflate: deflateNode(), zstd: zstdNode(), findTables: () => tables });
  const profiles: CodecProfile[] = [...CODEC_PROFILES, 'step:0.1+context'];
  const plain = tensors.flatMap((tensor) => profiles.map((profile) => codec.encode(tensor, profile)));
  const calibrated = tensors.map((tensor) => codec.encode(tensor, 'uint8+context', { tables }));
  return { codec, frames: await Promise.all([...plain, ...calibrated]) };
}

/** A few bytes changed, most of them near the start where the claims are; sometimes cut, or longer. */
function damage(sound: Uint8Array, random: (below: number) => number): Uint8Array {
  const length = random(8) === 0 ? random(sound.length + 40) : sound.length;
  const frame = new Uint8Array(length);
  frame.set(sound.subarray(0, length));
  for (let left = random(4) + 1; left > 0 && length > 0; left--) {
    const reach = [8, 64, length][random(3)] ?? length;
    frame[random(Math.min(length, reach))] = random(256);
  }
  return frame;
}

async function decodeOne(codec: Codec, frame: Uint8Array): Promise<'error' | 'tensor'> {
  try {
    const { type, dims, data } = await codec.decode(frame, { maxBytes: MAX_BYTES });
    const claim = readFrame(frame);
    const fits =
      type === claim.type &&
      dims.join() === claim.dims.join() &&
      data.byteLength === elementCount(dims) * TENSOR_TYPES[type].bytes;
    if (fits) return 'tensor';
    throw new Error(`another shape than the frame claims: ${hex(frame)}`);
  } catch (error) {
    if (isSplitError(error) && error.code === 'codec-invalid') return 'error';
    throw new Error(`frame ${hex(frame)}`, { cause: error });
  }
}

function waves(dims: number[]): Tensor {
  const data = Float32Array.from(
    { length: elementCount(dims) },
    (_, i) => Math.max(0, Math.sin(i / 3)) + (i % 7) / 50,
  );
  return { type: 'float32', dims, data };
}

function xorshift(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Damaged frames: what the codec must answer with a typed error or with a tensor of the shape that the frame claims. */
import { calibrateTables } from '../../sdk/src/codec/calibrate-tables.ts';
import {
  CODEC_PROFILES,
  type Codec,
  type CodecProfile,
  createCodec,
  type Reference,
} from '../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../sdk/src/codec/deflate-node.ts';
import type { CalibratedTables } from '../../sdk/src/codec/entropy/calibrated-tables.ts';
import { readFrame, writeFrame } from '../../sdk/src/codec/frame.ts';
import { zstdNode } from '../../sdk/src/codec/zstd-node.ts';
import { isSplitError } from '../../sdk/src/errors.ts';
import type { Tensor } from '../../sdk/src/tensor.ts';
import { elementCount, TENSOR_TYPES } from '../../sdk/src/tensor.ts';

/** Damaged dimensions claim more than was sent; what is within this limit is really decoded. */
const MAX_BYTES = 1 << 18;

const ANSWERS: ReadonlySet<string> = new Set(['codec-invalid', 'reference-unknown', 'tables-unknown']);

const SEQUENCES: readonly CodecProfile[] = [
  'uint8+context+previous',
  'uint8+rans+previous',
  'uint4+context+previous',
  'uint4+deflate+previous',
  'float32+deflate+previous',
];

export interface MutationTally {
  readonly errors: number;
  readonly tensors: number;
}

/** Damages sound frames of every profile `count` times. @throws Error that holds the frame which broke the rule */
export async function decodeMutations(count: number, seed: number): Promise<MutationTally> {
  const { codec, frames, references } = await soundFrames();
  const random = xorshift(seed);
  let errors = 0;
  for (let i = 0; i < count; i++) {
    const frame = damage(frames[random(frames.length)] ?? new Uint8Array(0), random);
    if ((await decodeOne(codec, frame, references)) === 'error') errors++;
  }
  return { errors, tensors: count - errors };
}

async function soundFrames(): Promise<{ codec: Codec; frames: Uint8Array[]; references: References }> {
  const tensors = [
    waves([1, 20, 6, 9]),
    waves([1, 12, 20]),
    waves([300]),
    { type: 'int64', dims: [2], data: BigInt64Array.of(1n, -1n) },
  ] as const;
  // Few symbols get thresholds, more of them cells, of which `energy` codes these best.
  const tables = await calibrateTables([waves([1, 20, 6, 9])], 'uint8+context');
  const cellTables = await calibrateTables([rectifiedMaps([1, 20, 36, 40])], 'uint8+context');
  if (cellTables.tables.contexts.model !== 'energy')
    throw new Error(`tables by ${cellTables.tables.contexts.model}`);
  const findTables = (id: number) => [tables, cellTables].find((some) => some.id === id);
  const codec = createCodec({ deflate: deflateNode(), zstd: zstdNode(), findTables });
  const profiles: CodecProfile[] = [...CODEC_PROFILES, 'step:0.1+context'];
  const plain = tensors.flatMap((tensor) => profiles.map((profile) => codec.encode(tensor, profile)));
  const calibrated = [tables, cellTables].flatMap((some) =>
    tensors.map((tensor) => codec.encode(tensor, 'uint8+context', { tables: some })),
  );
  const sequences = await sequenceFrames(codec, tensors);
  const frames = await Promise.all([...plain, ...calibrated]);
  const map = await codec.encode(waves([1, 20, 6, 9]), 'uint8+context', { tables: cellTables });
  frames.push(withTables(map, cellTables));
  return { codec, frames: [...frames, ...sequences.frames], references: sequences.references };
}

/** The same frame with the tables themselves where it names them: the payload's first byte 2 in place of 3 and the number. */
function withTables(bytes: Uint8Array, { bytes: tables }: CalibratedTables): Uint8Array {
  const frame = readFrame(bytes);
  return writeFrame({ ...frame, payload: Uint8Array.from([2, ...tables, ...frame.payload.subarray(5)]) });
}

type References = ReadonlyMap<string, Reference>;

/** Frames that build on others, which the decoder has. */
async function sequenceFrames(codec: Codec, tensors: readonly Tensor[]) {
  const references = new Map<string, Reference>();
  const frames: Uint8Array[] = [];
  for (const tensor of tensors) {
    for (const profile of SEQUENCES) {
      const first = await codec.encodeNext(tensor, profile);
      references.set(first.reference.id, first.reference);
      const next = await codec.encodeNext(moved(tensor), profile, { reference: first.reference });
      frames.push(first.frame, next.frame);
    }
  }
  return { references, frames };
}

/** A little of it has changed. */
function moved(tensor: Tensor): Tensor {
  if (tensor.type !== 'float32') return tensor;
  const data = tensor.data.slice() as Float32Array;
  for (let at = 0; at < data.length; at += 9) data[at] = (data[at] ?? 0) * 0.96;
  return { ...tensor, data };
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

async function decodeOne(
  codec: Codec,
  frame: Uint8Array,
  references: References,
): Promise<'error' | 'tensor'> {
  try {
    const findReference = (id: string) => references.get(id);
    const { tensor } = await codec.decodeNext(frame, { maxBytes: MAX_BYTES, findReference });
    const { type, dims, data } = tensor;
    const claim = readFrame(frame);
    const fits =
      type === claim.type &&
      dims.join() === claim.dims.join() &&
      data.byteLength === elementCount(dims) * TENSOR_TYPES[type].bytes;
    if (fits) return 'tensor';
    throw new Error(`another shape than the frame claims: ${hex(frame)}`);
  } catch (error) {
    if (isSplitError(error) && ANSWERS.has(error.code)) return 'error';
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

/** Smooth here and rough there, with zeros: as a convolution leaves them after a ReLU. */
function rectifiedMaps(dims: readonly [number, number, number, number]): Tensor {
  const [, , rows, columns] = dims;
  const random = xorshift(11);
  const data = Float32Array.from({ length: elementCount(dims) }, (_, i) => {
    const [plane, row, column] = [
      Math.floor(i / rows / columns),
      Math.floor(i / columns) % rows,
      i % columns,
    ];
    const wave = Math.sin(row / 5 + plane) + Math.cos(column / 7 + plane);
    return Math.max(0, wave + (plane / 20) * (random(1000) / 1000 - 0.5) * Math.abs(Math.sin(row / 9)));
  });
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

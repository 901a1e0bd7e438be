/** Frames to what runs and back: the ends of a request at the gateway. */
import {
  CODEC_PROFILES,
  type Codec,
  type CodecProfile,
  type IncomingRequest,
  isCodecProfile,
  type OutgoingReply,
  type QuantisedTensor,
  SplitError,
  type Tensor,
  type TensorInfo,
  type Tensors,
} from '@cutpoint/sdk/gateway';
import { checkFetches, checkNames, checkTensor, maxBytesOf } from '../crossing.ts';
import type { Crossing } from '../models/served-model.ts';
import type { ReferenceCache, ReferenceOwner } from '../reference-cache.ts';

export interface FrameMeans {
  readonly codec: Codec;
  readonly references: ReferenceCache;
}

/** What enters at the cut. */
export interface DecodedRequest {
  readonly feeds: Tensors;
  readonly quantisedFeeds: Readonly<Record<string, QuantisedTensor>>;
}

/** @throws SplitError `input-name`, `codec-invalid` */
export function checkRequest(request: IncomingRequest, crossing: Crossing): void {
  checkNames(request.tensors, crossing.tensors);
  checkFetches(request.fetches, crossing.outputs);
  if (isCodecProfile(request.replyProfile)) return;
  throw new SplitError(
    'codec-invalid',
    `reply profile is '${request.replyProfile}'; expected ${CODEC_PROFILES.join(', ')}`,
  );
}

/** @throws SplitError `codec-invalid`, `reference-unknown`, `tables-unknown`, `input-name`, `input-type`, `input-shape` */
export async function decodeFrames(
  means: FrameMeans,
  { owner, frames }: FramesToDecode,
): Promise<DecodedFrame[]> {
  return await Promise.all(
    frames.map(async (one): Promise<DecodedFrame> => [one.info.name, await decodeOne(means, owner, one)]),
  );
}

/** Each tensor of the cut with its frame. @throws SplitError `input-name` */
export function framesOf(request: IncomingRequest, { tensors, bytes }: Crossing): FramesToDecode {
  const { device, digest, cut } = request;
  const byName = new Map(request.tensors.map(({ name, frame }) => [name, frame]));
  const frames = tensors.map((info) => {
    const frame = byName.get(info.name);
    if (frame === undefined) throw new SplitError('input-name', `tensor '${info.name}' is missing`);
    return { info, frame, staysBytes: bytes.includes(info.name) };
  });
  return { owner: { device, digest, cut }, frames };
}

export function partFrames(decoded: readonly DecodedFrame[]): DecodedRequest {
  const isBytes = (value: Tensor | QuantisedTensor): value is QuantisedTensor => 'symbols' in value;
  return {
    feeds: Object.fromEntries(decoded.filter(([, value]) => !isBytes(value))) as Tensors,
    quantisedFeeds: Object.fromEntries(decoded.filter(([, value]) => isBytes(value))) as Record<
      string,
      QuantisedTensor
    >,
  };
}

export type DecodedFrame = readonly [name: string, value: Tensor | QuantisedTensor];

/** Plain data: it may go to another thread. */
export interface FramesToDecode {
  readonly owner: Omit<ReferenceOwner, 'tensor'>;
  readonly frames: readonly OneFrame[];
}

export interface OneFrame {
  readonly info: TensorInfo;
  readonly frame: Uint8Array;
  readonly staysBytes: boolean;
}

/** Keeps what a frame of a sequence leaves, once it is known to fit: the device hears of it by the reply. */
async function decodeOne(
  { codec, references }: FrameMeans,
  of: FramesToDecode['owner'],
  { info, frame, staysBytes }: OneFrame,
): Promise<Tensor | QuantisedTensor> {
  const owner = { ...of, tensor: info.name };
  const next = {
    maxBytes: maxBytesOf(info),
    findReference: (id: string) => references.find(owner, id),
  };
  const { value, reference } = staysBytes
    ? await codec.decodeBytes(frame, next)
    : await codec.decodeNext(frame, next).then(({ tensor, reference }) => ({ value: tensor, reference }));
  checkTensor(value, info);
  if (reference !== undefined) references.keep(owner, reference);
  return value;
}

export async function encodeReply(
  codec: Codec,
  { fetches, replyProfile }: Pick<IncomingRequest, 'fetches' | 'replyProfile'>,
  values: Tensors,
): Promise<OutgoingReply['tensors']> {
  const profile = replyProfile as CodecProfile; // As checked before the work began.
  return await Promise.all(
    fetches.map(async (name) => {
      const tensor = values[name];
      if (tensor === undefined) throw new SplitError('runtime-failed', `the tail gave no '${name}'`);
      return { name, frame: await codec.encode(tensor, profile) };
    }),
  );
}

/** One request, from frames to frames: the page to read to see what a gateway does. */
import {
  type Clock,
  CODEC_PROFILES,
  type Codec,
  type CodecProfile,
  type IncomingRequest,
  isCodecProfile,
  type OutgoingReply,
  SplitError,
  type Tensor,
  type TensorInfo,
  type Tensors,
} from '@cutpoint/sdk/gateway';
import { checkFetches, checkNames, checkTensor, maxBytesOf } from './crossing.ts';
import type { Crossing, ServedModel } from './models/served-model.ts';
import { createReferenceCache, type ReferenceCache } from './reference-cache.ts';
import type { WorkQueue } from './work-queue.ts';

export interface TailOptions {
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly codec: Codec;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  /** What frames of sequences build on. @default one of the usual limits */
  readonly references?: ReferenceCache;
}

export type HandleRequest = (request: IncomingRequest) => Promise<OutgoingReply>;

const DIGEST_DIGITS_SHOWN = 12;

export function createTailHandler(o: TailOptions): HandleRequest {
  const { codec, references = createReferenceCache({ clock: o.clock }) } = o;
  return async (request) => {
    const model = findModel(o.models, request);
    const crossing = model.crossing(request.cut);
    checkRequest(request, crossing);
    const ticket = o.queue.admit({ costMs: crossing.expectedMs(), deadlineMs: request.deadlineMs });
    try {
      const decoded = await timed(o.clock, () => decodeAll({ codec, references }, request, crossing.tensors));
      const tail = () =>
        crossing.run({ feeds: decoded.value, fetches: request.fetches, signal: request.signal });
      const ran = await ticket.run(tail, request.signal);
      const encoded = await timed(o.clock, () => encodeAll(codec, request, ran.value.values));
      return {
        tensors: encoded.value,
        queueMs: ran.queueMs,
        decodeMs: decoded.elapsedMs,
        tailMs: ran.value.tailMs,
        encodeMs: encoded.elapsedMs,
      };
    } finally {
      ticket.leave();
    }
  };
}

function findModel(
  models: ReadonlyMap<string, ServedModel>,
  { model: name, digest }: IncomingRequest,
): ServedModel {
  const model = models.get(name);
  if (model === undefined) {
    throw new SplitError(
      'model-unknown',
      `model '${name}' is not here; this gateway serves ${[...models.keys()].join(', ')}`,
    );
  }
  if (model.digest === digest) return model;
  const [theirs, ours] = [digest, model.digest].map((digits) => digits.slice(0, DIGEST_DIGITS_SHOWN));
  throw new SplitError(
    'model-mismatch',
    `model '${name}' has digest ${theirs} on the device and ${ours} here; give both the same file`,
  );
}

function checkRequest(request: IncomingRequest, crossing: Crossing): void {
  checkNames(request.tensors, crossing.tensors);
  checkFetches(request.fetches, crossing.outputs);
  if (isCodecProfile(request.replyProfile)) return;
  throw new SplitError(
    'codec-invalid',
    `reply profile is '${request.replyProfile}'; expected ${CODEC_PROFILES.join(', ')}`,
  );
}

async function decodeAll(
  means: DecodeMeans,
  request: IncomingRequest,
  expected: readonly TensorInfo[],
): Promise<Tensors> {
  const byName = new Map(request.tensors.map(({ name, frame }) => [name, frame]));
  const decoded = expected.map(async (info): Promise<[string, Tensor]> => {
    const frame = byName.get(info.name);
    if (frame === undefined) throw new SplitError('input-name', `tensor '${info.name}' is missing`);
    return [info.name, await decodeOne(means, request, { info, frame })];
  });
  return Object.fromEntries(await Promise.all(decoded));
}

interface DecodeMeans {
  readonly codec: Codec;
  readonly references: ReferenceCache;
}

/** Keeps what a frame of a sequence leaves, once it is known to fit: the device hears of it by the reply. */
async function decodeOne(
  { codec, references }: DecodeMeans,
  { device, digest, cut }: IncomingRequest,
  { info, frame }: { readonly info: TensorInfo; readonly frame: Uint8Array },
): Promise<Tensor> {
  const owner = { device, digest, cut, tensor: info.name };
  const { tensor, reference } = await codec.decodeNext(frame, {
    maxBytes: maxBytesOf(info),
    findReference: (id) => references.find(owner, id),
  });
  checkTensor(tensor, info);
  if (reference !== undefined) references.keep(owner, reference);
  return tensor;
}

async function encodeAll(
  codec: Codec,
  { fetches, replyProfile }: IncomingRequest,
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

async function timed<T>(clock: Clock, work: () => Promise<T>): Promise<{ value: T; elapsedMs: number }> {
  const startMs = clock.nowMs();
  const value = await work();
  return { value, elapsedMs: clock.nowMs() - startMs };
}

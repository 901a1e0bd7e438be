/** Measures what crosses each cut as it travels: bytes in each codec profile, and what packing and unpacking take here. */
import type { Clock } from '../clock.ts';
import type { Codec, CodecProfile } from '../codec/codec.ts';
import type { Cut } from '../cut/cut.ts';
import type { ProfiledReply, ProfiledTransfer } from '../planner/profile.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import type { Tensor, Tensors } from '../tensor.ts';
import { timingOf } from './measure.ts';

export interface TransferRequest {
  readonly executor: Executor;
  readonly codec: Codec;
  readonly clock: Clock;
  /** The cut before the first node. */
  readonly inputCut: Cut;
  /** Each is measured alone; bytes are medians over them. At least one. */
  readonly inputs: readonly Tensors[];
  /** The model's outputs. */
  readonly fetches: readonly string[];
  /** For what crosses inside the model. The input travels in each of INPUT_PROFILES. */
  readonly profiles: readonly CodecProfile[];
  /** How often each is packed and unpacked, after once that is not counted. @default 3 */
  readonly repeats?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface MeasuredTransfers {
  readonly transfers: readonly ProfiledTransfer[];
  readonly reply: ProfiledReply;
  /** By the ids of cuts whose heads make some of the outputs: what is left to come back. */
  readonly cutReplies: ReadonlyMap<string, ProfiledReply>;
}

/** How the model's input travels: exact. As it is, which a fast link wants, and packed. */
export const INPUT_PROFILES: readonly CodecProfile[] = ['float32', 'float32+deflate'];
/** How the outputs travel back: exact. */
export const REPLY_PROFILE: CodecProfile = 'float32+deflate';

/** @throws what the executor and the codec throw */
export async function measureTransfers(request: TransferRequest): Promise<MeasuredTransfers> {
  const { executor, inputCut, inputs, fetches, profiles, signal } = request;
  const crossing = executor.cuts.flatMap(({ tensors }) => tensors.map(({ name }) => name));
  const wanted = [...new Set([...fetches, ...crossing])];
  const jobs = [
    ...INPUT_PROFILES.map((profile) => job(inputCut, profile)),
    ...executor.cuts.flatMap((cut) => profiles.map((profile) => job(cut, profile))),
  ];
  const replyOf = (cutId: string | null, names: readonly string[]): Job => ({
    ...{ cutId, names, profile: REPLY_PROFILE, seen: [] },
  });
  const reply = replyOf(null, fetches);
  const shorter = executor.cuts.flatMap(({ id, headOutputs }) => {
    const left = fetches.filter((name) => !headOutputs.includes(name));
    return left.length < fetches.length ? [replyOf(id, left)] : [];
  });
  for (const feeds of inputs) {
    const { values } = await executor.run({ feeds, fetches: wanted, ...(signal && { signal }) });
    for (const one of [...jobs, reply, ...shorter])
      one.seen.push(await measure(request, one, { ...feeds, ...values }));
  }
  return {
    transfers: jobs.map(transferOf),
    reply: seenReply(reply),
    cutReplies: new Map(shorter.map((one) => [one.cutId ?? '', seenReply(one)])),
  };
}

interface Seen {
  readonly bytes: number;
  readonly encodeMs: readonly number[];
  readonly decodeMs: readonly number[];
}

interface Job {
  readonly cutId: string | null;
  readonly names: readonly string[];
  readonly profile: CodecProfile;
  /** One for each input. */
  readonly seen: Seen[];
}

function job(cut: Cut, profile: CodecProfile): Job {
  const names = cut.tensors.map(({ name }) => name);
  return { cutId: cut.position === 0 ? null : cut.id, names, profile, seen: [] };
}

async function measure(
  { codec, clock, repeats = 3, signal }: TransferRequest,
  { names, profile }: Job,
  values: Tensors,
): Promise<Seen> {
  const tensors = names.map((name) => values[name] as Tensor);
  const [encodeMs, decodeMs]: [number[], number[]] = [[], []];
  let bytes = 0;
  // The first time pays for code that has never run.
  for (let repeat = -1; repeat < repeats; repeat++) {
    signal?.throwIfAborted();
    const startMs = clock.nowMs();
    const frames = await Promise.all(tensors.map((tensor) => codec.encode(tensor, profile)));
    const encodedMs = clock.nowMs();
    await Promise.all(frames.map((frame) => codec.decode(frame)));
    const endMs = clock.nowMs();
    bytes = frames.reduce((sum, { length }) => sum + length, 0);
    if (repeat < 0) continue;
    encodeMs.push(encodedMs - startMs);
    decodeMs.push(endMs - encodedMs);
  }
  return { bytes, encodeMs, decodeMs };
}

function transferOf({ cutId, profile, seen }: Job): ProfiledTransfer {
  const bytes = timingOf(seen.map((one) => one.bytes));
  return {
    cutId,
    profile,
    sentBytes: bytes.medianMs,
    spreadBytes: bytes.spreadMs,
    encodeMs: medianMs(seen, 'encodeMs'),
    decodeMs: medianMs(seen, 'decodeMs'),
    isGuess: false,
  };
}

function seenReply({ profile, seen }: Job): ProfiledReply {
  const bytes = timingOf(seen.map((one) => one.bytes)).medianMs;
  return { profile, bytes, encodeMs: medianMs(seen, 'encodeMs'), decodeMs: medianMs(seen, 'decodeMs') };
}

function medianMs(seen: readonly Seen[], stage: 'encodeMs' | 'decodeMs'): number {
  return timingOf(seen.flatMap((one) => one[stage])).medianMs;
}

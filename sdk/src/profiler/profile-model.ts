/** A profile of this machine: segments and what crosses them, measured and put together. */
import { SplitError } from '../errors.ts';
import type { Profile, ProfiledTransfer, Timing } from '../planner/profile.ts';
import { type MeasuredModel, measureModel } from './measure.ts';
import { type MeasuredTransfers, measureTransfers, type TransferRequest } from './measure-transfers.ts';

/** What a profile says of the machine and of how it was made. */
export type ProfileFacts = Pick<
  Profile,
  | 'modelDigest'
  | 'device'
  | 'provider'
  | 'runtime'
  | 'threads'
  | 'executor'
  | 'measuredAt'
  | 'pauseMs'
  | 'slowdown'
  | 'inputShapes'
  | 'inputSource'
>;

export interface ProfileRequest extends TransferRequest {
  readonly facts: ProfileFacts;
  /** Sizes of the application's picture files; without any, sending the picture does not compete. */
  readonly pictureBytes?: readonly number[] | undefined;
  /** What a gateway here takes to make the input of a picture file; `null` where that was not timed. @default null */
  readonly pictureDecodeMs?: number | null | undefined;
  /** @default 15 */
  readonly rounds?: number | undefined;
  /** Most memory that this process has held so far, in bytes. */
  peakMemoryBytes?(): number;
}

/** @throws SplitError `options-invalid`, and what the executor and the codec throw */
export async function profileModel(request: ProfileRequest): Promise<Profile> {
  const { executor, clock, inputs, fetches, rounds, facts, pictureBytes = [] } = request;
  const [feeds] = inputs;
  if (!feeds) throw new SplitError('options-invalid', 'inputs are 0; expected 1 or more');
  const often = rounds === undefined ? {} : { rounds };
  const pauseMs = () => facts.pauseMs;
  const measured = await measureModel({ executor, clock, feeds, fetches, pauseMs, ...often });
  const { transfers, reply, cutReplies } = await measureTransfers(request);
  const profile: Profile = {
    format: 'cutpoint-profile',
    version: 1,
    ...facts,
    slowdown: 1,
    inputs: inputs.length,
    peakMemoryBytes: request.peakMemoryBytes?.() ?? null,
    ...partsOf(measured, cutReplies),
    transfers: [...pictureTransfers(pictureBytes, request.pictureDecodeMs), ...transfers],
    reply,
  };
  return slowed(profile, facts.slowdown);
}

function partsOf(
  { whole, cuts }: MeasuredModel,
  replies: MeasuredTransfers['cutReplies'],
): Pick<Profile, 'whole' | 'cuts'> {
  return {
    whole,
    cuts: cuts.map(({ cut: { id, name, depth }, head, tail }) => {
      const reply = replies.get(id);
      return { ...{ id, name, depth, head, tail }, ...(reply && { reply }) };
    }),
  };
}

/** The application has them anyway: nothing is encoded. */
export function pictureTransfers(
  sizes: readonly number[],
  decodeMs: number | null = null,
): readonly ProfiledTransfer[] {
  if (sizes.length === 0) return [];
  const sorted = sizes.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return [
    {
      cutId: null,
      profile: 'image',
      sentBytes: at(0.5),
      spreadBytes: at(0.75) - at(0.25),
      encodeMs: 0,
      decodeMs,
      isGuess: false,
    },
  ];
}

/** The profile of a machine that is so many times slower; it says so. */
export function slowed(profile: Profile, slowdown: number): Profile {
  const stretch = (timing: Timing): Timing => ({
    ...timing,
    medianMs: timing.medianMs * slowdown,
    spreadMs: timing.spreadMs * slowdown,
  });
  const { whole, cuts, transfers, reply } = profile;
  return {
    ...profile,
    slowdown: profile.slowdown * slowdown,
    whole: stretch(whole),
    cuts: cuts.map((cut) => ({
      ...{ ...cut, head: stretch(cut.head), tail: stretch(cut.tail) },
      ...(cut.reply && { reply: slowedCodec(cut.reply, slowdown) }),
    })),
    transfers: transfers.map((transfer) => slowedCodec(transfer, slowdown)),
    reply: slowedCodec(reply, slowdown),
  };
}

function slowedCodec<Packed extends { readonly encodeMs: number; readonly decodeMs: number | null }>(
  packed: Packed,
  slowdown: number,
): Packed {
  const { encodeMs, decodeMs } = packed;
  return {
    ...packed,
    encodeMs: encodeMs * slowdown,
    decodeMs: decodeMs === null ? null : decodeMs * slowdown,
  };
}

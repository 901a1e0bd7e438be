/** Codec profiles: names for how a tensor travels, a number format and what packs its symbols. */
import { ENTROPY_IDS, NUMBER_FORMAT_IDS } from './frame.ts';

/**
 * `float32` means as it is: lossless, whatever the type. `float16` and `bfloat16` halve float32. `uint8` makes one byte of
 * float32 and float16, `uint4` half a byte, with one scale a tensor; `uint8-channels` and `uint4-channels` with one a
 * channel. Other types, and values that the format cannot keep (see number-format/), travel as they are.
 * What follows the plus packs the result where that makes it smaller: `deflate`; `zstd` (deflate where there is none);
 * `rans` by how often each symbol comes; `context` by what its neighbours foretell, the smallest.
 * `+previous` behind any of them makes it a sequence (PreviousProfile).
 */
export const CODEC_PROFILES = [
  'float32',
  'float32+deflate',
  'float16',
  'float16+deflate',
  'uint8',
  'uint8+deflate',
  'float32+zstd',
  'float16+zstd',
  'uint8+zstd',
  'bfloat16',
  'bfloat16+deflate',
  'uint4',
  'uint4+deflate',
  'uint8+rans',
  'uint8+context',
  'uint4+context',
  'uint8-channels+context',
  'uint4-channels+context',
] as const;

/** `step:0.25+context`: steps of a quarter of the tensor's standard deviation, packed by context. */
export type StepProfile = `step:${number}+context`;

type StillProfile = (typeof CODEC_PROFILES)[number] | StepProfile;

/** `uint8+context+previous`: a sequence, in which a tensor may be sent as what differs from one that the receiver has. */
export type PreviousProfile = `${StillProfile}+previous`;

export type CodecProfile = StillProfile | PreviousProfile;

/** A profile taken apart. */
export interface ProfileSteps {
  /** By NUMBER_FORMAT_IDS. */
  readonly numberFormat: number;
  /** By ENTROPY_IDS. */
  readonly entropy: number;
  /** Of the standard deviation; for the uniform step. */
  readonly share?: number;
  /** Whether the tensor is one of a sequence. */
  readonly isSequence?: boolean;
}

const NUMBER_FORMATS: Readonly<Record<string, number>> = {
  float32: NUMBER_FORMAT_IDS.raw,
  float16: NUMBER_FORMAT_IDS.float16,
  bfloat16: NUMBER_FORMAT_IDS.bfloat16,
  uint8: NUMBER_FORMAT_IDS.uint8,
  uint4: NUMBER_FORMAT_IDS.uint4,
  'uint8-channels': NUMBER_FORMAT_IDS.uint8Channels,
  'uint4-channels': NUMBER_FORMAT_IDS.uint4Channels,
};

const ENTROPIES: Readonly<Record<string, number>> = {
  deflate: ENTROPY_IDS.deflate,
  zstd: ENTROPY_IDS.zstd,
  rans: ENTROPY_IDS.rans,
  context: ENTROPY_IDS.contextRans,
};

const STEP = /^step:(\d{1,4}(?:\.\d{1,6})?)\+context$/;

const PREVIOUS = '+previous';

/** For names from outside. */
export function isCodecProfile(value: string): value is CodecProfile {
  const still = withoutPrevious(value);
  return (CODEC_PROFILES as readonly string[]).includes(still) || stepShare(still) !== undefined;
}

export function profileSteps(profile: CodecProfile): ProfileSteps {
  return isSequenceProfile(profile)
    ? { ...stillSteps(withoutPrevious(profile)), isSequence: true }
    : stillSteps(profile);
}

/** Whether its symbols are bytes with one scale a tensor, each tensor by itself: what a head's graph can make. */
export function isByteProfile(profile: CodecProfile): boolean {
  const { numberFormat, isSequence = false } = profileSteps(profile);
  return numberFormat === NUMBER_FORMAT_IDS.uint8 && !isSequence;
}

export function isSequenceProfile(profile: CodecProfile): profile is PreviousProfile {
  return profile.endsWith(PREVIOUS);
}

function withoutPrevious(profile: string): string {
  return profile.endsWith(PREVIOUS) ? profile.slice(0, -PREVIOUS.length) : profile;
}

function stillSteps(profile: string): ProfileSteps {
  const share = stepShare(profile);
  if (share !== undefined) {
    return { numberFormat: NUMBER_FORMAT_IDS.uniformStep, entropy: ENTROPY_IDS.contextRans, share };
  }
  const [format = '', entropy = ''] = profile.split('+');
  return {
    numberFormat: NUMBER_FORMATS[format] ?? NUMBER_FORMAT_IDS.raw,
    entropy: ENTROPIES[entropy] ?? ENTROPY_IDS.none,
  };
}

function stepShare(value: string): number | undefined {
  const share = Number(STEP.exec(value)?.[1] ?? 0);
  return share > 0 ? share : undefined;
}

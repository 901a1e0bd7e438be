/** Codec profiles: names for how a tensor travels, a number format and what packs its symbols. */
import { ENTROPY_IDS, NUMBER_FORMAT_IDS } from './frame.ts';

/**
 * `float32` means as it is: lossless, whatever the type. `float16` and `bfloat16` halve float32. `uint8` makes one byte of
 * float32 and float16, `uint4` half a byte, with one scale a tensor; `uint8-channels` and `uint4-channels` with one a
 * channel. Other types, and values that the format cannot keep (see number-format/), travel as they are.
 * What follows the plus packs the result where that makes it smaller: `deflate`; `zstd` (deflate where there is none);
 * `rans` by how often each symbol comes; `context` by what its neighbours foretell, the smallest.
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

export type CodecProfile = (typeof CODEC_PROFILES)[number] | StepProfile;

/** A profile taken apart. */
export interface ProfileSteps {
  /** By NUMBER_FORMAT_IDS. */
  readonly numberFormat: number;
  /** By ENTROPY_IDS. */
  readonly entropy: number;
  /** Of the standard deviation; for the uniform step. */
  readonly share?: number;
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

/** For names from outside. */
export function isCodecProfile(value: string): value is CodecProfile {
  return (CODEC_PROFILES as readonly string[]).includes(value) || stepShare(value) !== undefined;
}

export function profileSteps(profile: CodecProfile): ProfileSteps {
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

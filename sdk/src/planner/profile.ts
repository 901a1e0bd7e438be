/** A profile: how long a model takes on one machine, cut by cut, as it was measured there or as it is guessed. */

import { SplitError } from '../errors.ts';
import { z } from '../zod.ts';
import { canonicalJson } from './canonical-json.ts';
import { describeIssues } from './policy.ts';

const Milliseconds = z.number().check(z.nonnegative());
const Bytes = z.number().check(z.nonnegative());
const Text = z.string().check(z.maxLength(500));
export const Digest: z.ZodMiniType<string> = z
  .string()
  .check(z.regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'));
export const CutId: z.ZodMiniType<string> = z
  .string()
  .check(z.regex(/^[0-9a-f]{16}$/, 'expected 16 hexadecimal digits'));

export interface Timing {
  /** Middle of all runs. */
  readonly medianMs: number;
  /** Distance between the quartiles. 0 for a guess. */
  readonly spreadMs: number;
  /** 0 for a guess. */
  readonly runs: number;
  /** From operations and bytes, not measured. */
  readonly isGuess: boolean;
}

export interface ProfiledCut {
  readonly id: string;
  readonly name: string;
  readonly depth: number;
  readonly head: Timing;
  readonly tail: Timing;
  /** What comes back where the head has made some of the outputs itself; absent where all of them do. */
  readonly reply?: ProfiledReply | undefined;
}

/** What crosses one cut, as it travels in one codec profile. Medians over the inputs. */
export interface ProfiledTransfer {
  /** `null` is the model's input. */
  readonly cutId: string | null;
  /** A codec profile, or `image` for the application's picture files. */
  readonly profile: string;
  readonly sentBytes: number;
  /** Distance between the quartiles, over the inputs. */
  readonly spreadBytes: number;
  readonly encodeMs: number;
  /** `null` where this machine was not asked to decode it. */
  readonly decodeMs: number | null;
  readonly isGuess: boolean;
}

/** The model's outputs on their way back. */
export interface ProfiledReply {
  readonly profile: string;
  readonly bytes: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
}

/** How fast the machine let itself run; what its system did not tell is `null`. */
export interface ProfiledMode {
  /** A Jetson's power mode, by name. */
  readonly powerMode: string | null;
  /** Of the first processor's frequency: `performance`, `powersave`, ... */
  readonly governor: string | null;
  /** The highest frequency that the first processor could take. */
  readonly maxMegahertz: number | null;
  /** Of the hottest sensor, before anything ran and afterwards. */
  readonly temperatureCelsius: { readonly before: number; readonly after: number } | null;
  /** Whether a processor was slowed down for heat meanwhile. */
  readonly wasThrottled: boolean | null;
}

export interface Profile {
  readonly format: 'cutpoint-profile';
  readonly version: 1;
  /** Of the model that was timed. */
  readonly modelDigest: string;
  readonly device: string;
  /** The provider that was seen to run the model, which may not be the one asked for. */
  readonly provider: string;
  /** Name and version of the runtime. */
  readonly runtime: string;
  readonly threads: number;
  /** What ran the segments: the valve, the chain or separate sessions. */
  readonly executor: string;
  /** ISO 8601. */
  readonly measuredAt: string;
  /** How long the machine was idle before each run, in milliseconds. 0 is one run after another. */
  readonly pauseMs: number;
  /** All times were stretched by this to play a slower machine. 1 is as measured. */
  readonly slowdown: number;
  /** Shapes of the inputs, by name. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** How many inputs the bytes are medians of; 0 where all is guessed. */
  readonly inputs: number;
  /** Whether they are the user's, or numbers that were made up, which pack otherwise than real ones. */
  readonly inputSource: 'files' | 'seeded';
  /** Most memory that the process held while it ran every segment, in bytes; `null` where nobody looked. */
  readonly peakMemoryBytes: number | null;
  /** Absent where nobody looked: guesses, and files of before. */
  readonly mode?: ProfiledMode | undefined;
  readonly whole: Timing;
  readonly cuts: readonly ProfiledCut[];
  readonly transfers: readonly ProfiledTransfer[];
  readonly reply: ProfiledReply;
}

const TimingSchema = z.strictObject({
  medianMs: Milliseconds,
  spreadMs: Milliseconds,
  runs: z.int().check(z.nonnegative()),
  isGuess: z.boolean(),
});

const ReplySchema = z.strictObject({
  profile: Text,
  bytes: Bytes,
  encodeMs: Milliseconds,
  decodeMs: Milliseconds,
});

const CutSchema = z.strictObject({
  id: CutId,
  name: z.string().check(z.maxLength(4096)),
  depth: z.number().check(z.gte(0), z.lte(1)),
  head: TimingSchema,
  tail: TimingSchema,
  reply: z.optional(ReplySchema),
});

const TransferSchema = z.strictObject({
  cutId: z.nullable(CutId),
  profile: Text,
  sentBytes: Bytes,
  spreadBytes: Bytes,
  encodeMs: Milliseconds,
  decodeMs: z.nullable(Milliseconds),
  isGuess: z.boolean(),
});

export const ModeSchema: z.ZodMiniType<ProfiledMode> = z.strictObject({
  powerMode: z.nullable(Text),
  governor: z.nullable(Text),
  maxMegahertz: z.nullable(z.number().check(z.positive())),
  temperatureCelsius: z.nullable(z.strictObject({ before: z.number(), after: z.number() })),
  wasThrottled: z.nullable(z.boolean()),
});

const ProfileSchema = z.strictObject({
  format: z.literal('cutpoint-profile'),
  version: z.literal(1),
  modelDigest: Digest,
  device: Text,
  provider: Text,
  runtime: Text,
  threads: z.int().check(z.gte(0), z.lte(4096)),
  executor: Text,
  measuredAt: Text,
  pauseMs: z._default(Milliseconds, 0),
  slowdown: z.number().check(z.gte(1), z.lte(1000)),
  inputShapes: z.record(z.string(), z.array(z.int().check(z.nonnegative())).check(z.maxLength(64))),
  inputs: z.int().check(z.nonnegative()),
  inputSource: z.enum(['files', 'seeded']),
  peakMemoryBytes: z.nullable(Bytes),
  mode: z.optional(ModeSchema),
  whole: TimingSchema,
  cuts: z.array(CutSchema).check(z.maxLength(100_000)),
  transfers: z.array(TransferSchema).check(z.maxLength(1_000_000)),
  reply: ReplySchema,
});

/** What comes back from the cut on; `null` is the input. */
export function replyFrom({ cuts, reply }: Profile, cutId: string | null): ProfiledReply {
  return cuts.find(({ id }) => id === cutId)?.reply ?? reply;
}

/** @throws SplitError `options-invalid` naming each field at fault */
export function readProfile(content: unknown): Profile {
  const parsed = ProfileSchema.safeParse(content);
  if (!parsed.success)
    throw new SplitError('options-invalid', describeIssues('profile', parsed.error.issues));
  return parsed.data;
}

/** The file's text: keys in a fixed order. */
export function profileText(profile: Profile): string {
  return `${canonicalJson(profile)}\n`;
}

/** That both timed the same model at the same shapes. @throws SplitError `model-mismatch`, `options-invalid` */
export function checkSameModel(edge: Profile, cloud: Profile): void {
  if (edge.modelDigest !== cloud.modelDigest) {
    throw new SplitError(
      'model-mismatch',
      `the device timed model ${edge.modelDigest.slice(0, 12)}, the cloud ${cloud.modelDigest.slice(0, 12)}`,
    );
  }
  const [here, there] = [edge, cloud].map(({ inputShapes }) =>
    canonicalJson(inputShapes).replace(/\s+/g, ''),
  );
  if (here === there) return;
  throw new SplitError('options-invalid', `the device timed inputs of ${here}, the cloud of ${there}`);
}

/** A profile: how long a model takes on one machine, cut by cut, as it was measured there or as it is guessed. */
import { z } from 'zod';
import { SplitError } from '../errors.ts';
import { describeIssues } from './policy.ts';

const Milliseconds = z.number().nonnegative();
const Text = z.string().max(500);
export const Digest: z.ZodType<string> = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');
export const CutId: z.ZodType<string> = z.string().regex(/^[0-9a-f]{16}$/, 'expected 16 hexadecimal digits');

const Timing = z.strictObject({
  /** Middle of all runs. */
  medianMs: Milliseconds,
  /** Distance between the quartiles. 0 for a guess. */
  spreadMs: Milliseconds,
  /** 0 for a guess. */
  runs: z.int().nonnegative(),
  /** From operations and bytes, not measured. */
  isGuess: z.boolean(),
});

const Profile = z.strictObject({
  format: z.literal('cutpoint-profile'),
  version: z.literal(1),
  /** Of the model that was timed. */
  modelDigest: Digest,
  device: Text,
  /** The provider that was seen to run the model, which may not be the one asked for. */
  provider: Text,
  /** Name and version of the runtime. */
  runtime: Text,
  threads: z.int().min(0).max(4096),
  /** ISO 8601. */
  measuredAt: Text,
  whole: Timing,
  cuts: z
    .array(
      z.strictObject({
        id: CutId,
        name: z.string().max(4096),
        depth: z.number().min(0).max(1),
        head: Timing,
        tail: Timing,
      }),
    )
    .max(100_000),
});

export type Timing = Readonly<z.infer<typeof Timing>>;
export type Profile = Readonly<z.infer<typeof Profile>>;

/** @throws SplitError `options-invalid` naming each field at fault */
export function readProfile(content: unknown): Profile {
  const parsed = Profile.safeParse(content);
  if (!parsed.success)
    throw new SplitError('options-invalid', describeIssues('profile', parsed.error.issues));
  return parsed.data;
}

/** That both timed the same model. @throws SplitError `model-mismatch` */
export function checkSameModel(edge: Profile, cloud: Profile): void {
  if (edge.modelDigest === cloud.modelDigest) return;
  throw new SplitError(
    'model-mismatch',
    `the device timed model ${edge.modelDigest.slice(0, 12)}, the cloud ${cloud.modelDigest.slice(0, 12)}`,
  );
}

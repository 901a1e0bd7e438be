/** The plan's file: its schema, and reading it back with its hash checked. */
import { z } from 'zod';
import { SplitError } from '../errors.ts';
import { contentHash } from './canonical-json.ts';
import { OBJECTIVES } from './objective.ts';
import { describeIssues } from './policy.ts';
import { Digest } from './profile.ts';

const Amount = z.number().nonnegative();
const Text = z.string().max(4096);
const MAX_ARMS = 10_000;

const Rates = z.strictObject({ fromBitsPerSecond: Amount.nullable(), toBitsPerSecond: Amount.nullable() });
const Machine = z.strictObject({
  device: Text,
  provider: Text,
  runtime: Text,
  threads: z.int().nonnegative(),
});

const Entry = z.strictObject({
  id: Text,
  kind: z.enum(['device', 'cloud', 'split']),
  name: Text,
  depth: z.number().min(0).max(1),
  cost: z.strictObject({
    headMs: Amount,
    encodeMs: Amount,
    sentBytes: Amount,
    tailMs: Amount,
    receivedBytes: Amount,
    decodeMs: Amount,
  }),
  payloadBytes: Amount,
  deviceMemoryBytes: Amount.nullable(),
  accuracyLoss: z.number().nullable(),
  sendsInput: z.boolean(),
  isGuess: z.boolean(),
  /** Latency in milliseconds is `fixedMs + 8000 / uplinkBitsPerSecond * bytes`. */
  line: z.strictObject({ fixedMs: Amount, bytes: Amount }),
  /** Where it is the best arm; null is nowhere. */
  best: Rates.nullable(),
  /** Where it is faster than the device alone, and than every way of sending the input. */
  beatsDevice: Rates.nullable(),
  beatsCloud: Rates.nullable(),
  /** Constraints of the policy that it breaks on every link: it is never chosen. */
  excludedBy: z.array(Text).max(16),
  /** The windows in words. */
  words: Text,
});

const Piece = z.strictObject({ index: z.int().nonnegative(), fromX: Amount, toX: Amount });
const Level = z.strictObject({ cloudSlowdown: z.number().positive(), pieces: z.array(Piece).max(MAX_ARMS) });

const Plan = z.strictObject({
  format: z.literal('cutpoint-plan'),
  version: z.literal(1),
  modelDigest: Digest,
  edge: Machine,
  cloud: Machine,
  link: z.strictObject({
    roundTripMs: Amount,
    downlinkBitsPerSecond: z.number().positive(),
    queueMs: Amount,
  }),
  objective: z.enum(OBJECTIVES),
  fromBitsPerSecond: z.number().positive(),
  toBitsPerSecond: z.number().positive(),
  arms: z.array(Entry).min(1).max(MAX_ARMS),
  map: z.array(Level).max(64),
  assumptions: z.array(Text).max(256),
  hash: Digest,
});

export type PlanEntry = Readonly<z.infer<typeof Entry>>;
export type Plan = Readonly<z.infer<typeof Plan>>;

/** A parsed plan file. @throws SplitError `options-invalid` for another format, a wrong field, or a hash that does not fit */
export function readPlan(content: unknown): Plan {
  const parsed = Plan.safeParse(content);
  if (!parsed.success) throw new SplitError('options-invalid', describeIssues('plan', parsed.error.issues));
  const { hash, ...rest } = parsed.data;
  const found = contentHash(rest);
  if (found !== hash)
    throw new SplitError(
      'options-invalid',
      `plan.hash is ${hash.slice(0, 12)}; the content has ${found.slice(0, 12)}`,
    );
  const outside = parsed.data.map
    .flatMap((level) => level.pieces)
    .find(({ index }) => index >= rest.arms.length);
  if (outside)
    throw new SplitError(
      'options-invalid',
      `plan.map names arm ${outside.index}; there are ${rest.arms.length}`,
    );
  return parsed.data;
}

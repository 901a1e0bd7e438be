/** The schema of the plan's file. Strict: a field that we do not know is a file of somebody else's. */
import { z } from 'zod';
import { OBJECTIVES } from './objective.ts';
import type { Plan } from './plan-file.ts';
import { WishSchema } from './policy.ts';
import { Digest } from './profile.ts';

const Amount = z.number().nonnegative();
const Text = z.string().max(4096);
const MAX_ARMS = 10_000;
/** Characters of base64; tables that can be built have a few kilobytes. */
const MAX_TABLE_TEXT = 1 << 20;

const Rates = z.strictObject({ fromBitsPerSecond: Amount.nullable(), toBitsPerSecond: Amount.nullable() });
const Machine = z.strictObject({
  device: Text,
  provider: Text,
  runtime: Text,
  threads: z.int().nonnegative(),
  slowdown: z.number().min(1),
});

const EntrySchema = z.strictObject({
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
    lastMs: Amount.optional(),
  }),
  payloadBytes: Amount,
  deviceMemoryBytes: Amount.nullable(),
  accuracyLoss: z.number().nullable(),
  sendsInput: z.boolean(),
  isGuess: z.boolean(),
  isRefused: z.boolean(),
  error: Amount.nullable(),
  tables: z.record(Text, Text),
  line: z.strictObject({ fixedMs: Amount, bytes: Amount }),
  best: Rates.nullable(),
  beatsDevice: Rates.nullable(),
  beatsCloud: Rates.nullable(),
  excludedBy: z.array(Text).max(16),
  words: Text,
});

const Piece = z.strictObject({ index: z.int().nonnegative(), fromX: Amount, toX: Amount });
const Level = z.strictObject({ cloudSlowdown: z.number().positive(), pieces: z.array(Piece).max(MAX_ARMS) });

export const PlanSchema: z.ZodType<Plan> = z.strictObject({
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
  wish: WishSchema,
  fromBitsPerSecond: z.number().positive(),
  toBitsPerSecond: z.number().positive(),
  arms: z.array(EntrySchema).min(1).max(MAX_ARMS),
  windows: z
    .array(
      z.strictObject({
        armId: Text,
        fromBitsPerSecond: Amount.nullable(),
        toBitsPerSecond: Amount.nullable(),
      }),
    )
    .max(MAX_ARMS),
  map: z.array(Level).max(64),
  calibration: z
    .strictObject({ inputs: z.int().positive(), metric: Text, budget: Amount.nullable() })
    .nullable(),
  tables: z.record(Text, z.base64().max(MAX_TABLE_TEXT)),
  assumptions: z.array(Text).max(256),
  hash: Digest,
});

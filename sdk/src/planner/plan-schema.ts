/** The schema of the plan's file. Strict: a field that we do not know is a file of somebody else's. */
import { z } from '../zod.ts';
import { OBJECTIVES } from './objective.ts';
import type { Plan } from './plan-file.ts';
import { WishSchema } from './policy.ts';
import { Digest, ModeSchema } from './profile.ts';

const Amount = z.number().check(z.nonnegative());
const Text = z.string().check(z.maxLength(4096));
const MAX_ARMS = 10_000;
/** Gateways in a row. */
const MAX_STAGES = 8;
/** Characters of base64; tables that can be built have a few kilobytes. */
const MAX_TABLE_TEXT = 1 << 20;

const Rates = z.strictObject({ fromBitsPerSecond: z.nullable(Amount), toBitsPerSecond: z.nullable(Amount) });
const Machine = z.strictObject({
  device: Text,
  provider: Text,
  runtime: Text,
  threads: z.int().check(z.nonnegative()),
  slowdown: z.number().check(z.gte(1)),
  mode: z.optional(ModeSchema),
});

const EntrySchema = z.strictObject({
  id: Text,
  kind: z.enum(['device', 'cloud', 'split']),
  name: Text,
  depth: z.number().check(z.gte(0), z.lte(1)),
  cost: z.strictObject({
    headMs: Amount,
    encodeMs: Amount,
    sentBytes: Amount,
    tailMs: Amount,
    receivedBytes: Amount,
    decodeMs: Amount,
    lastMs: z.optional(Amount),
    row: z.optional(
      z.strictObject({
        gatewayMs: z.array(Amount).check(z.minLength(2), z.maxLength(MAX_STAGES)),
        wireMs: z.array(Amount).check(z.minLength(1), z.maxLength(MAX_STAGES)),
      }),
    ),
  }),
  payloadBytes: Amount,
  deviceMemoryBytes: z.nullable(Amount),
  accuracyLoss: z.nullable(z.number()),
  sendsInput: z.boolean(),
  keepsOutputs: z.optional(z.boolean()),
  isGuess: z.boolean(),
  isRefused: z.boolean(),
  error: z.nullable(Amount),
  tables: z.record(Text, Text),
  line: z.strictObject({ fixedMs: Amount, bytes: Amount }),
  best: z.nullable(Rates),
  beatsDevice: z.nullable(Rates),
  beatsCloud: z.nullable(Rates),
  excludedBy: z.array(Text).check(z.maxLength(16)),
  words: Text,
});

const Piece = z.strictObject({ index: z.int().check(z.nonnegative()), fromX: Amount, toX: Amount });
const Level = z.strictObject({
  cloudSlowdown: z.number().check(z.positive()),
  pieces: z.array(Piece).check(z.maxLength(MAX_ARMS)),
});

const Gateways = z.array(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/)));
const Route = z.strictObject({
  stages: z.array(Gateways.check(z.maxLength(16))).check(z.minLength(1), z.maxLength(MAX_STAGES)),
  removed: z
    .array(z.strictObject({ gateway: Text, reasons: z.array(Text).check(z.maxLength(16)), what: Text }))
    .check(z.maxLength(64)),
  placements: z
    .array(
      z.strictObject({
        gateways: Gateways.check(z.maxLength(MAX_STAGES)),
        cuts: z.array(Text).check(z.maxLength(MAX_STAGES + 1)),
        profile: Text,
        scoreMs: Amount,
      }),
    )
    .check(z.maxLength(MAX_STAGES)),
});

export const PlanSchema: z.ZodMiniType<Plan> = z.strictObject({
  format: z.literal('cutpoint-plan'),
  version: z.literal(1),
  modelDigest: Digest,
  edge: Machine,
  cloud: Machine,
  link: z.strictObject({
    roundTripMs: Amount,
    downlinkBitsPerSecond: z.number().check(z.positive()),
    queueMs: Amount,
  }),
  memory: z.optional(z.strictObject({ weightBytes: Amount, activationBytes: z.nullable(Amount) })),
  route: z.optional(Route),
  objective: z.enum(OBJECTIVES),
  wish: WishSchema,
  fromBitsPerSecond: z.number().check(z.positive()),
  toBitsPerSecond: z.number().check(z.positive()),
  arms: z.array(EntrySchema).check(z.minLength(1), z.maxLength(MAX_ARMS)),
  windows: z
    .array(
      z.strictObject({
        armId: Text,
        fromBitsPerSecond: z.nullable(Amount),
        toBitsPerSecond: z.nullable(Amount),
      }),
    )
    .check(z.maxLength(MAX_ARMS)),
  map: z.array(Level).check(z.maxLength(64)),
  calibration: z.nullable(
    z.strictObject({ inputs: z.int().check(z.positive()), metric: Text, budget: z.nullable(Amount) }),
  ),
  tables: z.record(Text, z.base64().check(z.maxLength(MAX_TABLE_TEXT))),
  assumptions: z.array(Text).check(z.maxLength(256)),
  hash: Digest,
});

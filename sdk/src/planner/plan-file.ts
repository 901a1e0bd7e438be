/** The plan's file: its schema, and reading it back with its hash checked. */
import { z } from 'zod';
import { SplitError } from '../errors.ts';
import { contentHash } from './canonical-json.ts';
import type { Wish } from './constraints.ts';
import type { Line } from './envelope.ts';
import { OBJECTIVES, type Objective } from './objective.ts';
import type { MapLevel } from './plan-map.ts';
import type { PlanLink, PlannedArm } from './planned-arm.ts';
import { describeIssues, WishSchema } from './policy.ts';
import { Digest } from './profile.ts';
import type { RateRange } from './win-window.ts';

/** An arm of a plan, and on which links it is worth its cost. */
export interface PlanEntry extends PlannedArm {
  readonly error: number | null;
  readonly tables: Readonly<Record<string, string>>;
  /** Latency in milliseconds is `fixedMs + 8000 / uplinkBitsPerSecond * bytes`. */
  readonly line: Line;
  /** Where it is the best arm, the widest range of them; null is nowhere. */
  readonly best: RateRange | null;
  /** Where it is faster than the device alone, and than every way of sending the input. */
  readonly beatsDevice: RateRange | null;
  readonly beatsCloud: RateRange | null;
  /** Constraints of the policy that it breaks on every link: it is never chosen. */
  readonly excludedBy: readonly string[];
  /** The windows in words. */
  readonly words: string;
}

export interface PlanMachine {
  readonly device: string;
  readonly provider: string;
  readonly runtime: string;
  readonly threads: number;
  /** Times were stretched by this. 1 is as measured. */
  readonly slowdown: number;
}

/** The best arm on one range of links. */
export interface PlanWindow extends RateRange {
  readonly armId: string;
}

/** What the errors and the coder tables are from. */
export interface PlanCalibration {
  readonly inputs: number;
  readonly metric: string;
  readonly budget: number | null;
}

export interface Plan {
  readonly format: 'cutpoint-plan';
  readonly version: 1;
  readonly modelDigest: string;
  readonly edge: PlanMachine;
  readonly cloud: PlanMachine;
  readonly link: PlanLink;
  readonly objective: Objective;
  /** The policy, completed: what `objective` needs, and what may not be given up. */
  readonly wish: Wish;
  readonly fromBitsPerSecond: number;
  readonly toBitsPerSecond: number;
  readonly arms: readonly PlanEntry[];
  /** The best arm from the slowest link to the fastest; where no arm keeps the deadline there is none. */
  readonly windows: readonly PlanWindow[];
  /** Of latency, whatever the objective. */
  readonly map: readonly MapLevel[];
  readonly calibration: PlanCalibration | null;
  /** Coder tables in base64, by their numbers: a session that has the plan need not make any. */
  readonly tables: Readonly<Record<string, string>>;
  readonly assumptions: readonly string[];
  /** SHA-256 of all the rest. */
  readonly hash: string;
}

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

const PlanSchema = z.strictObject({
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

/**
 * A parsed plan file.
 * @throws SplitError `options-invalid` for another format, a wrong field, a hash that does not fit, or a part that names an
 * arm or tables which are not there
 */
export function readPlan(content: unknown): Plan {
  const parsed = PlanSchema.safeParse(content);
  if (!parsed.success) throw invalid(describeIssues('plan', parsed.error.issues));
  const plan: Plan = parsed.data;
  const { hash, ...rest } = plan;
  const found = contentHash(rest);
  if (found !== hash)
    throw invalid(`plan.hash is ${hash.slice(0, 12)}; the content has ${found.slice(0, 12)}`);
  const problem = unknownPart(plan);
  if (problem) throw invalid(problem);
  return plan;
}

/** A hash says that nobody changed the file, not that whoever wrote it took care. */
function unknownPart({ arms, map, windows, tables }: Plan): string | undefined {
  const outside = map.flatMap((level) => level.pieces).find(({ index }) => index >= arms.length);
  if (outside) return `plan.map names arm ${outside.index}; there are ${arms.length}`;
  const ids = new Set(arms.map(({ id }) => id));
  const stray = windows.find(({ armId }) => !ids.has(armId));
  if (stray) return `plan.windows names arm '${stray.armId}', which is not in plan.arms`;
  const used = arms.flatMap((arm) => Object.values(arm.tables));
  const missing = used.find((id) => !Object.hasOwn(tables, id));
  return missing === undefined ? undefined : `plan.arms name table ${missing}, which is not in plan.tables`;
}

function invalid(message: string): SplitError {
  return new SplitError('options-invalid', message);
}

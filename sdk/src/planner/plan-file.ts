/** The plan's file: what is in it, and reading it back with its hash checked. */
import { SplitError } from '../errors.ts';
import { contentHash } from './canonical-json.ts';
import type { Wish } from './constraints.ts';
import type { Line } from './envelope.ts';
import type { Objective } from './objective.ts';
import type { MapLevel } from './plan-map.ts';
import { PlanSchema } from './plan-schema.ts';
import type { PlanLink, PlannedArm } from './planned-arm.ts';
import { describeIssues } from './policy.ts';
import type { ProfiledMode } from './profile.ts';
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
  /** How fast it let itself run; absent where the profile does not say. */
  readonly mode?: ProfiledMode | undefined;
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

/** Gateways in a row, placed on named machines. */
export interface PlanRoute {
  /** Who may run each stage behind the device, as a session's `stages`. */
  readonly stages: readonly (readonly string[])[];
  /** Machines that the policy leaves out. */
  readonly removed: readonly {
    readonly gateway: string;
    readonly reasons: readonly string[];
    readonly what: string;
  }[];
  /** The best with one gateway, then each that is better with more of them, at the links' stated rates. */
  readonly placements: readonly {
    readonly gateways: readonly string[];
    /** Where each machine hands on, the device first. */
    readonly cuts: readonly string[];
    readonly profile: string;
    /** Of one request, or of the slowest stage where the plan is for throughput. */
    readonly scoreMs: number;
  }[];
}

/** What a machine takes that holds all of the model. */
export interface PlanMemory {
  readonly weightBytes: number;
  /** Most that one request's values take at once, workspaces of the runtime not counted; `null` where a shape is open. */
  readonly activationBytes: number | null;
}

export interface Plan {
  readonly format: 'cutpoint-plan';
  readonly version: 1;
  readonly modelDigest: string;
  readonly edge: PlanMachine;
  readonly cloud: PlanMachine;
  readonly link: PlanLink;
  /** Absent in plans of before. */
  readonly memory?: PlanMemory | undefined;
  /** Where stages were placed on machines; `cloud` is then the first of them. */
  readonly route?: PlanRoute | undefined;
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

/** Constraints: what the user will not give up. No arm left is an answer too, and it names the constraints at fault. */
import type { Conditions } from './cost-model.ts';
import { latencyMs, type Objective, type ObjectiveModels, scoreArm } from './objective.ts';
import type { PlannedArm } from './planned-arm.ts';

/** Absent is unlimited. */
export interface Constraints {
  /** Longest predicted latency in milliseconds. */
  readonly deadlineMs?: number | undefined;
  /** Most memory on the device in bytes. Arms of unknown need are left out. */
  readonly deviceMemoryBytes?: number | undefined;
  /** Largest share of accuracy that may be lost, 0 to 1. Arms that nobody measured are left out. */
  readonly maxAccuracyLoss?: number | undefined;
  /** Largest message in bytes, either way. */
  readonly maxPayloadBytes?: number | undefined;
  /** `stay`: neither the input nor a picture of it leaves the device. */
  readonly inputs?: 'may-leave' | 'stay' | undefined;
  /** `stay`: no output of the model is made elsewhere. */
  readonly outputs?: 'may-leave' | 'stay' | undefined;
  /** No cut shallower than this share of the nodes. */
  readonly minDepth?: number | undefined;
  /** Where the cloud may be. */
  readonly regions?: readonly string[] | undefined;
}

export type ConstraintName = keyof Constraints;

export interface Situation extends Conditions {
  /** Where the gateway is; unknown is in no region. */
  readonly region?: string | undefined;
}

type Check = (arm: PlannedArm, limit: Constraints, now: Situation) => boolean;

/** Whether an arm keeps each constraint, where it is set. */
const CHECKS: Readonly<Record<ConstraintName, Check>> = {
  deadlineMs: (arm, { deadlineMs }, now) =>
    deadlineMs === undefined || latencyMs(arm.cost, now) <= deadlineMs,
  deviceMemoryBytes: (arm, { deviceMemoryBytes }) => isWithin(arm.deviceMemoryBytes, deviceMemoryBytes),
  maxAccuracyLoss: (arm, { maxAccuracyLoss }) => isWithin(arm.accuracyLoss, maxAccuracyLoss),
  maxPayloadBytes: (arm, { maxPayloadBytes }) => isWithin(arm.payloadBytes, maxPayloadBytes),
  inputs: (arm, { inputs }) => inputs !== 'stay' || !arm.sendsInput,
  outputs: (arm, { outputs }) => outputs !== 'stay' || arm.kind === 'device' || arm.keepsOutputs === true,
  minDepth: (arm, { minDepth }) => minDepth === undefined || arm.kind === 'device' || arm.depth >= minDepth,
  regions: (arm, { regions }, now) =>
    regions === undefined ||
    arm.kind === 'device' ||
    (now.region !== undefined && regions.includes(now.region)),
};
const NAMES = Object.keys(CHECKS) as readonly ConstraintName[];

function isWithin(value: number | null, limit: number | undefined): boolean {
  return limit === undefined || (value !== null && value <= limit);
}

/** The constraints that an arm breaks. */
export function brokenConstraints(
  arm: PlannedArm,
  limits: Constraints,
  now: Situation,
): readonly ConstraintName[] {
  return NAMES.filter((name) => !CHECKS[name](arm, limits, now));
}

export interface Wish {
  readonly objective: Objective;
  readonly constraints: Constraints;
  readonly models?: ObjectiveModels | undefined;
}

export type Choice =
  | { readonly kind: 'arm'; readonly arm: PlannedArm; readonly score: number }
  | {
      readonly kind: 'infeasible';
      /** Constraints each of which, dropped alone, would let an arm through; the reason in most cases. */
      readonly dropAny: readonly ConstraintName[];
      /** How many arms each constraint rules out. */
      readonly ruledOut: Readonly<Partial<Record<ConstraintName, number>>>;
      /** In one sentence. */
      readonly reason: string;
    };

/** The best arm that keeps all constraints; of equal ones the first. */
export function chooseArm(arms: readonly PlannedArm[], now: Situation, wish: Wish): Choice {
  const broken = arms.map((arm) => brokenConstraints(arm, wish.constraints, now));
  let best: { readonly arm: PlannedArm; readonly score: number } | undefined;
  for (const [place, arm] of arms.entries()) {
    const score = scoreArm(wish.objective, arm.cost, now, wish.models);
    if (broken[place]?.length !== 0 || score === undefined) continue;
    if (!best || score < best.score) best = { arm, score };
  }
  return best ? { kind: 'arm', ...best } : infeasible(broken);
}

function infeasible(broken: readonly (readonly ConstraintName[])[]): Choice {
  const dropAny = NAMES.filter((name) => broken.some((list) => list.length === 1 && list[0] === name));
  const counted = NAMES.map((name) => [name, broken.filter((list) => list.includes(name)).length] as const);
  const ruledOut = Object.fromEntries(counted.filter(([, count]) => count > 0));
  const list = Object.entries(ruledOut).map(([name, count]) => `${name} (${count} of ${broken.length} arms)`);
  const hint = dropAny.length > 0 ? `; without ${dropAny.join(' or ')} one would remain` : '';
  const reason =
    list.length === 0
      ? 'No arm can be scored: the objective needs a model that is not given.'
      : `No arm keeps ${list.join(', ')}${hint}.`;
  return { kind: 'infeasible', dropAny, ruledOut, reason };
}

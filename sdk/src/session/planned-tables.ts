/** Coder tables from the plan: which of them the tensors of an arm use, and which gateways turned out not to have them. */
import type { Clock } from '../clock.ts';
import type { CalibratedTables } from '../codec/entropy/calibrated-tables.ts';
import { tablesOf } from '../planner/calibration-tables.ts';
import type { Plan } from '../planner/plan-file.ts';
import type { FrameWay } from './reference-frames.ts';

/** By name of the tensor. */
export type ArmTables = Readonly<Record<string, CalibratedTables>>;

export interface PlannedTables {
  /** Tables that frames on this way may name; without them a frame brings its own. */
  known(way: FrameWay): ArmTables;
  /** The gateway does not have them. */
  noteMissing(gateway: string): void;
}

/** Then it is asked again: somebody may have put the plan beside its model. */
const MISSING_MS = 600_000;

const NONE: ArmTables = Object.freeze({});

/** @throws SplitError `options-invalid` for tables whose checksum is not their number */
export function createPlannedTables(plan: Plan | undefined, clock: Clock): PlannedTables {
  const byArm = plan ? tablesByArm(plan) : new Map<string, ArmTables>();
  const missingSinceMs = new Map<string, number>();
  const isMissing = (gateway: string): boolean =>
    clock.nowMs() - (missingSinceMs.get(gateway) ?? Number.NEGATIVE_INFINITY) < MISSING_MS;
  return {
    known: ({ gateway, arm }) => (isMissing(gateway) ? NONE : (byArm.get(arm.id) ?? NONE)),
    noteMissing: (gateway) => missingSinceMs.set(gateway, clock.nowMs()),
  };
}

function tablesByArm(plan: Plan): ReadonlyMap<string, ArmTables> {
  const tables = tablesOf(plan);
  return new Map(
    plan.arms.map((arm) => {
      const own = Object.entries(arm.tables).flatMap(([name, id]) => {
        const found = tables.get(Number(id));
        return found ? [[name, found] as const] : [];
      });
      return [arm.id, Object.fromEntries(own)];
    }),
  );
}

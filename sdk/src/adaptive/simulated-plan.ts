/** What a simulation needs of a plan: its arms, what each costs, and the link that is not played. A plan file has it all. */
import { type Arm, DEVICE_ARM, splitArm } from '../planner/arm.ts';
import type { ArmCost } from '../planner/cost-model.ts';
import type { PlanLink, PlannedArm } from '../planner/planned-arm.ts';

export type SimulatedArm = Pick<PlannedArm, 'id' | 'kind' | 'name' | 'depth' | 'cost'> & {
  /** Constraints that it breaks: such an arm is never used. */
  readonly excludedBy?: readonly string[];
  /** Over the accuracy budget: never used either. */
  readonly isRefused?: boolean;
};

export interface SimulatedPlan {
  readonly arms: readonly SimulatedArm[];
  readonly link: PlanLink;
}

export interface PlayedArm {
  readonly arm: Arm;
  readonly name: string;
  readonly cost: ArmCost;
  /** Whether the input itself is sent: cloud-only. */
  readonly isCloud: boolean;
}

/** The arms that may be used; `device`, which is there to fall back on, always and first. */
export function playedArms({ arms }: SimulatedPlan): readonly PlayedArm[] {
  const keepsWalls = ({ excludedBy = [], isRefused = false }: SimulatedArm) =>
    excludedBy.length === 0 && !isRefused;
  const allowed = arms.filter((one) => one.kind === 'device' || keepsWalls(one));
  const played = allowed.map((one) => ({
    arm: one.kind === 'device' ? DEVICE_ARM : asSplitArm(one),
    name: one.name,
    cost: one.cost,
    isCloud: one.kind === 'cloud',
  }));
  return played.toSorted((a, b) => Number(b.arm.kind === 'device') - Number(a.arm.kind === 'device'));
}

/** A plan names cuts and does not hold them; nothing here looks into the cut. */
function asSplitArm({ id, name, depth }: SimulatedArm): Arm {
  const [cutId = id, profile = 'uint8'] = id.split('/');
  const cut = {
    id: cutId,
    position: depth === 0 ? 0 : 1,
    depth,
    name,
    tensors: [],
    headOutputs: [],
    bytes: null,
  };
  return { ...splitArm(cut, profile as never), id };
}

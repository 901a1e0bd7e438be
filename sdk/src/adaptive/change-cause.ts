/** Why another arm is better now: which of the things that changed, had it not, would have kept the arm in use. */
import type { ArmCost, Conditions } from '../planner/cost-model.ts';
import type { ChangeCause } from './decision.ts';

export interface CauseRequest {
  readonly from: ArmCost;
  readonly to: ArmCost;
  readonly now: Conditions;
  /** At the change before. */
  readonly before: Conditions;
  score(cost: ArmCost, conditions: Conditions): number;
}

/** What, put back to where it was, takes most of the saving away. */
export function causeOf({ from, to, now, before, score }: CauseRequest): ChangeCause {
  const saving = (conditions: Conditions) => score(from, conditions) - score(to, conditions);
  const { uplinkBitsPerSecond, downlinkBitsPerSecond, roundTripMs, deviceSlowdown, cloudSlowdown } = before;
  const rest: Readonly<Record<'link' | 'device' | 'cloud', number>> = {
    link: saving({ ...now, uplinkBitsPerSecond, downlinkBitsPerSecond, roundTripMs }),
    device: saving({ ...now, deviceSlowdown }),
    cloud: saving({ ...now, cloudSlowdown, queueMs: before.queueMs }),
  };
  const [cause, left] = (Object.entries(rest) as ['link' | 'device' | 'cloud', number][]).reduce((a, b) =>
    b[1] < a[1] ? b : a,
  );
  return left < 0.8 * saving(now) ? cause : 'costs';
}

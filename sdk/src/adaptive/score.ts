/** What the controller makes least: an arm's cost under the present conditions. Less is better. */
import { type ArmCost, type Conditions, onDeviceMs, predictStages, totalMs } from '../planner/cost-model.ts';
import { type Objective, type ObjectiveModels, scoreArm } from '../planner/objective.ts';

/** In milliseconds, or in what the objective counts. */
export type ArmScore = (cost: ArmCost, now: Conditions, kind: 'device' | 'split') => number;

/** Milliseconds of one request. */
export const latencyScore: ArmScore = (cost, now, kind) =>
  kind === 'device' ? onDeviceMs(cost) * now.deviceSlowdown : totalMs(predictStages(cost, now));

/** The planner's objectives; an arm that cannot be scored is infinitely bad. */
export function objectiveScore(objective: Objective, models: ObjectiveModels = {}): ArmScore {
  if (objective === 'latency') return latencyScore;
  return (cost, now) => scoreArm(objective, cost, now, models) ?? Number.POSITIVE_INFINITY;
}

/** What a fleet's classes stand for once their plans and traces are read: arms that compete, and the model at the gateways. */

import { type ArmScore, objectiveScore } from '../adaptive/score.ts';
import { type PlayedArm, playedArms } from '../adaptive/simulated-plan.ts';
import type { TraceSample } from '../adaptive/trace-file.ts';
import { SplitError } from '../errors.ts';
import type { Plan } from '../planner/plan-file.ts';
import { createArrivals } from '../serving/arrivals.ts';
import { createBatchCost } from '../serving/batch-cost.ts';
import type { Fleet, FleetClass } from './fleet-file.ts';
import type { SimulatedModel } from './simulated-gateway.ts';

export interface ClassPlan {
  readonly about: FleetClass;
  readonly region: string;
  readonly plan: Plan;
  /** Samples of its link's trace, where it has one. */
  readonly trace: readonly TraceSample[] | undefined;
  /** The device alone first. Arms that are nowhere the best and send nothing small are left out. */
  readonly arms: readonly PlayedArm[];
  /** What the controller makes least. */
  readonly score: ArmScore;
  readonly deadlineMs: number;
}

export interface ReadClass {
  readonly plan: Plan;
  readonly trace?: readonly TraceSample[] | undefined;
}

/** @throws SplitError `options-invalid` for a plan without the device alone */
export function classPlans(fleet: Fleet, read: readonly ReadClass[]): readonly ClassPlan[] {
  return fleet.classes.map((about, i) => {
    const { plan, trace } = read[i] as ReadClass;
    const arms = competingArms(plan);
    if (arms[0]?.arm.kind !== 'device')
      throw new SplitError('options-invalid', `fleet: plan ${about.plan} has no arm for the device alone`);
    return {
      ...{ about, plan, trace, arms },
      region: about.region ?? fleet.regions[0]?.name ?? '',
      score: objectiveScore(plan.objective, plan.wish.models),
      deadlineMs: Math.min(about.deadlineMs, plan.wish.constraints.deadlineMs ?? Number.POSITIVE_INFINITY),
    };
  });
}

/**
 * The arms that are the best at some rate and some load of the cloud, every way of sending the input, the device alone, and the
 * arm that sends least: what the controller probes by. Others never win, and a hundred thousand devices need not carry them.
 */
export function competingArms(plan: Plan): readonly PlayedArm[] {
  const winners = new Set(plan.map.flatMap(({ pieces }) => pieces.map(({ index }) => plan.arms[index]?.id)));
  for (const { armId } of plan.windows) winners.add(armId);
  const all = playedArms(plan);
  const smallest = all
    .filter(({ arm }) => arm.kind === 'split')
    .toSorted((a, b) => a.cost.sentBytes - b.cost.sentBytes)[0];
  return all.filter(
    (one) => one.arm.kind === 'device' || one.isCloud || one === smallest || winners.has(one.arm.id),
  );
}

/** One for each model, however many classes use it. */
export function modelsOf(
  fleet: Fleet,
  classes: readonly ClassPlan[],
): ReadonlyMap<ClassPlan, SimulatedModel> {
  const byDigest = new Map<string, SimulatedModel>();
  return new Map(
    classes.map((one) => {
      const key = `${one.plan.modelDigest} ${JSON.stringify(one.about.batches ?? null)}`;
      const model = byDigest.get(key) ?? modelOf(fleet, one);
      byDigest.set(key, model);
      return [one, model];
    }),
  );
}

function modelOf({ gateway }: Fleet, { about }: ClassPlan): SimulatedModel {
  const sizes = [{ size: 1, share: 1 }, ...(about.batches ?? gateway.batches)];
  const truth = createBatchCost(sizes, { maxSize: gateway.maxBatch });
  return {
    batching: gateway.batching,
    isFilled: false,
    batchCost: createBatchCost(sizes, { maxSize: gateway.maxBatch }),
    arrivals: createArrivals(),
    shareAt: (size) => truth.shareAt(size),
  };
}

/** The controller: picks an arm for every request, from stage costs, the link and what earlier requests showed. */
import type { Arm } from '../planner/arm.ts';
import { type ArmCost, type Conditions, predictStages, type StageTimes, totalMs } from '../planner/cost-model.ts';
import { createAverage, type Average } from './average.ts';
import { createLinkEstimate, type LinkSample } from './link-estimate.ts';

export interface Observation {
  readonly arm: Arm;
  readonly stages: StageTimes;
  readonly link?: LinkSample;
}

export interface Prediction {
  readonly arm: Arm;
  readonly totalMs: number;
}

export interface Controller {
  /** Says what an arm costs when nothing else runs; an arm without a cost is never chosen. */
  setCost(arm: Arm, cost: ArmCost): void;
  cost(arm: Arm): ArmCost | undefined;
  pushRoundTrip(ms: number): void;
  pushQueue(ms: number): void;
  observe(observation: Observation, nowMs: number): void;
  /** All arms that have a cost, the best first. */
  rank(arms: readonly Arm[], nowMs: number): readonly Prediction[];
  /** The arm to use now: the best, unless the one in use is as good within the margin. */
  choose(arms: readonly Arm[], nowMs: number): Arm;
}

// Switching costs nothing here (one chain serves all cuts); the margin only keeps noise from moving the cut.
const SWITCH_MARGIN = 0.03;

export function createController(deviceArm: Arm): Controller {
  const costs = new Map<string, ArmCost>();
  const residuals = new Map<string, Average>();
  const link = createLinkEstimate();
  const deviceSlowdown = createAverage(0.3);
  const cloudSlowdown = createAverage(0.3);
  const queue = createAverage(0.5);
  let currentId: string | undefined;

  const conditions = (nowMs: number): Conditions => ({
    ...link.at(nowMs),
    queueMs: queue.value ?? 0,
    deviceSlowdown: deviceSlowdown.value ?? 1,
    cloudSlowdown: cloudSlowdown.value ?? 1,
  });
  const model = (arm: Arm, cost: ArmCost, now: Conditions) =>
    arm.kind === 'device' ? cost.headMs * now.deviceSlowdown : totalMs(predictStages(cost, now));

  function observe({ arm, stages, link: sample }: Observation, nowMs: number): void {
    const cost = costs.get(arm.id);
    if (cost === undefined) return;
    const own = cost.headMs + cost.encodeMs;
    if (own > 1) deviceSlowdown.push((stages.headMs + stages.encodeMs) / own);
    if (arm.kind === 'split') {
      if (cost.tailMs > 1) cloudSlowdown.push(stages.tailMs / cost.tailMs);
      queue.push(stages.queueMs);
      if (sample) link.push(sample);
    }
    const expectedMs = model(arm, cost, conditions(nowMs));
    const residual = residuals.get(arm.id) ?? createAverage(0.4);
    residual.push((totalMs(stages) - expectedMs) / expectedMs);
    residuals.set(arm.id, residual);
  }

  function rank(arms: readonly Arm[], nowMs: number): readonly Prediction[] {
    const now = conditions(nowMs);
    return arms
      .flatMap((arm) => {
        const cost = costs.get(arm.id);
        if (cost === undefined) return [];
        // A residual corrects at most by a quarter: more than that is the link or the load, which have their own estimates.
        const residual = Math.min(0.25, Math.max(-0.25, residuals.get(arm.id)?.value ?? 0));
        return [{ arm, totalMs: model(arm, cost, now) * (1 + residual) }];
      })
      .sort((a, b) => a.totalMs - b.totalMs);
  }

  function choose(arms: readonly Arm[], nowMs: number): Arm {
    const ranked = rank(arms, nowMs);
    const best = ranked[0];
    if (best === undefined) return deviceArm;
    const current = ranked.find(({ arm }) => arm.id === currentId);
    const stay = current !== undefined && best.totalMs > current.totalMs * (1 - SWITCH_MARGIN);
    const chosen = stay ? current.arm : best.arm;
    currentId = chosen.id;
    return chosen;
  }

  return {
    setCost: (arm, cost) => void costs.set(arm.id, cost),
    cost: (arm) => costs.get(arm.id),
    pushRoundTrip: (ms) => link.pushRoundTrip(ms),
    pushQueue: (ms) => queue.push(ms),
    observe,
    rank,
    choose,
  };
}

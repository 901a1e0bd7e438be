/** The controller: picks an arm for every request, from stage costs, the link and what earlier requests showed. */
import type { Arm } from '../planner/arm.ts';
import {
  type ArmCost,
  type Conditions,
  predictStages,
  type StageTimes,
  totalMs,
} from '../planner/cost-model.ts';
import { type Average, createAverage } from './average.ts';
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
  observe(observation: Observation, nowMs: number): void;
  /** A request by this arm got no answer in `waitedMs`: whatever the cause, the arm is worth less until it is tried again. */
  observeSilence(arm: Arm, waitedMs: number, nowMs: number): void;
  /** All arms that have a cost, the best first. */
  rank(arms: readonly Arm[], nowMs: number): readonly Prediction[];
  /** The arm to use now: the best, unless the one in use is as good within the margin. */
  choose(arms: readonly Arm[], nowMs: number): Arm;
}

// Switching costs nothing here (one chain serves all cuts); the margin only keeps noise from moving the cut.
const SWITCH_MARGIN = 0.03;
// How much of what a run showed goes into the arm's own costs; the rest is what is already known of it.
const LEARNING = 0.3;

export function createController(deviceArm: Arm): Controller {
  const costs = new Map<string, ArmCost>();
  const runs = new Map<string, number>();
  const link = createLinkEstimate();
  const deviceSlowdown = createAverage(0.3, 1);
  const cloudSlowdown = createAverage(0.3, 1);
  const queue = createAverage(0.5);
  let currentId: string | undefined;

  const conditions = (nowMs: number): Conditions => ({
    ...link.at(nowMs),
    queueMs: queue.value ?? 0,
    deviceSlowdown: deviceSlowdown.value ?? 1,
    cloudSlowdown: cloudSlowdown.value ?? 1,
  });

  const longest = (stage: 'headMs' | 'tailMs') => Math.max(...[...costs.values()].map((cost) => cost[stage]));

  function observe({ arm, stages, link: sample }: Observation, nowMs: number): void {
    const cost = costs.get(arm.id);
    if (cost === undefined) return;
    const earlier = runs.get(arm.id) ?? 0;
    runs.set(arm.id, earlier + 1);
    learnSlowdown(deviceSlowdown, {
      earlier,
      shownMs: stages.headMs + stages.encodeMs,
      knownMs: cost.headMs + cost.encodeMs,
      longestMs: longest('headMs'),
    });
    if (arm.kind === 'split') {
      learnSlowdown(cloudSlowdown, {
        earlier,
        shownMs: stages.tailMs,
        knownMs: cost.tailMs,
        longestMs: longest('tailMs'),
      });
      queue.push(stages.queueMs);
      if (sample) link.push(sample);
    }
    costs.set(arm.id, learn(cost, { stages, sample, now: conditions(nowMs), earlier }));
  }

  function rank(arms: readonly Arm[], nowMs: number): readonly Prediction[] {
    const now = conditions(nowMs);
    const predict = (arm: Arm, cost: ArmCost) =>
      arm.kind === 'device' ? cost.headMs * now.deviceSlowdown : totalMs(predictStages(cost, now));
    return arms
      .flatMap((arm) => {
        const cost = costs.get(arm.id);
        return cost === undefined ? [] : [{ arm, totalMs: predict(arm, cost) }];
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
    observe,
    observeSilence: (arm, waitedMs, nowMs) => {
      const sentBytes = costs.get(arm.id)?.sentBytes ?? 0;
      if (sentBytes > 0) link.pushUpperBound((sentBytes * 8000) / Math.max(waitedMs, 1), nowMs);
    },
    rank,
    choose,
  };
}

interface StageShown {
  readonly shownMs: number;
  readonly knownMs: number;
  readonly longestMs: number;
  /** Runs of this arm before this one. */
  readonly earlier: number;
}

/**
 * A short stage says little of how fast a machine is: a value weighs as much as its share of the longest one. And an
 * arm's first runs say more of what it costs than of how the machine has changed since that was thought.
 */
function learnSlowdown(average: Average, { shownMs, knownMs, longestMs, earlier }: StageShown): void {
  const share = Math.min(1, knownMs / longestMs) * (earlier / (earlier + 1));
  if (knownMs > 0) average.push(shownMs / knownMs, share);
}

interface Lesson {
  readonly stages: StageTimes;
  readonly sample: LinkSample | undefined;
  readonly now: Conditions;
  readonly earlier: number;
}

/** What all arms share has gone into the slowdowns; what is left is this arm's own. */
function learn(cost: ArmCost, { stages, sample, now, earlier }: Lesson): ArmCost {
  const device = now.deviceSlowdown;
  // The first run replaces what was guessed, the second counts for half, and so on down to LEARNING.
  const weight = Math.max(LEARNING, 1 / (earlier + 1));
  const towards = (known: number, shown: number) => known + weight * (shown - known);
  const onDevice = {
    headMs: towards(cost.headMs, stages.headMs / device),
    encodeMs: towards(cost.encodeMs, stages.encodeMs / device),
  };
  if (sample === undefined) return { ...cost, ...onDevice };
  return {
    ...onDevice,
    decodeMs: towards(cost.decodeMs, stages.decodeMs / device),
    tailMs: towards(cost.tailMs, stages.tailMs / now.cloudSlowdown),
    sentBytes: towards(cost.sentBytes, sample.sentBytes),
    receivedBytes: towards(cost.receivedBytes, sample.receivedBytes),
  };
}

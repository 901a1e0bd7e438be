/** The controller: picks an arm for every request, from stage costs, the link and what earlier requests showed. */
import { type Arm, DEVICE_ARM, type SplitArm } from '../planner/arm.ts';
import {
  type ArmCost,
  type Conditions,
  predictStages,
  type StageTimes,
  totalMs,
} from '../planner/cost-model.ts';
import { createArmBook } from './arm-book.ts';
import { createAverage } from './average.ts';
import { causeOf } from './change-cause.ts';
import type { ArmChange, Decision, Prediction } from './decision.ts';
import { createHysteresis } from './hysteresis.ts';
import { createLinkEstimate, type LinkSample } from './link-estimate.ts';
import { giveUpAfterMs } from './patience.ts';
import { cheapestProbe, createProbeSchedule } from './probe-schedule.ts';
import { type ArmScore, latencyScore } from './score.ts';
import { createSlowdown } from './slowdown.ts';

export type { Prediction } from './decision.ts';

export interface Observation {
  readonly arm: Arm;
  readonly stages: StageTimes;
  readonly link?: LinkSample;
  /** What the gateway asks of those who can do without it: milliseconds for each of its own. @default 0 */
  readonly congestionPrice?: number;
}

export interface ControllerOptions {
  /** What to make least. @default latency */
  readonly score?: ArmScore;
  /** 0.5 plans for the link as it is expected, 0.9 for one that is slower nine times in ten. @default 0.5 */
  readonly quantile?: number;
  /** Uniform in [0, 1). Given, moves for the cloud's sake are spread over some requests, so that a fleet does not move at once. */
  readonly random?: () => number;
}

export interface Controller {
  /**
   * Says what an arm costs when nothing else runs; an arm without a cost is never chosen.
   * @param runs that were measured for it; without them the arm's first runs replace it
   */
  setCost(arm: Arm, cost: ArmCost, runs?: number): void;
  cost(arm: Arm): ArmCost | undefined;
  pushRoundTrip(ms: number): void;
  observe(observation: Observation, nowMs: number): void;
  /** A request by this arm got no answer in `waitedMs`: whatever the cause, the arm is worth less until it is tried again. */
  observeSilence(arm: Arm, waitedMs: number, nowMs: number): void;
  /** All arms that have a cost, the best first. */
  rank(arms: readonly Arm[], nowMs: number): readonly Prediction[];
  /** `decide` for those who take the arm alone. */
  choose(arms: readonly Arm[], nowMs: number): Arm;
  /**
   * The arm to use now: of those given the best, unless the one in use is nearly as good.
   * @param arms that are allowed: privacy, accuracy, region and memory are the caller's walls, and no other arm is taken
   */
  decide(arms: readonly Arm[], nowMs: number, limits?: DecisionLimits): Decision;
  /** The link, the machines and the queue as they are thought to be. */
  conditions(nowMs: number): Conditions;
}

export interface DecisionLimits {
  /** Arms that are predicted to take longer are left out; where all do, the fastest is taken. */
  readonly deadlineMs?: number | undefined;
}

export function createController(deviceArm: Arm, options: ControllerOptions = {}): Controller {
  const { score = latencyScore, quantile = 0.5, random } = options;
  const book = createArmBook();
  const link = createLinkEstimate(quantile);
  const device = createSlowdown();
  const cloud = createSlowdown();
  const queue = createAverage(0.6);
  const probes = createProbeSchedule();
  const hysteresis = createHysteresis();
  let congestionPrice = 0;
  let current: Arm | undefined;
  let before: Conditions | undefined;
  let changedAtMs = 0;
  let hasBeenSilent = false;

  const conditions = (nowMs: number): Conditions => ({
    ...link.at(nowMs),
    queueMs: queue.value ?? 0,
    deviceSlowdown: device.value,
    cloudSlowdown: cloud.value,
  });

  function observe({ arm, stages, link: sample, ...told }: Observation, nowMs: number): void {
    const cost = book.cost(arm.id);
    if (cost === undefined) return;
    learnMachines(arm, stages, cost);
    if (arm.kind === 'split') {
      congestionPrice = told.congestionPrice ?? 0;
      queue.push(stages.queueMs);
      hasBeenSilent = false;
      if (sample) link.push(sample);
    }
    book.learn(arm, { stages, sample, now: conditions(nowMs) });
  }

  /** An arm's very first runs say more of what it costs than of how the machines have changed. */
  function learnMachines(arm: Arm, stages: StageTimes, cost: ArmCost): void {
    if (book.runs(arm.id) === 0) return;
    const onDevice = (times: StageTimes | ArmCost) => times.headMs + times.encodeMs + times.decodeMs;
    if (onDevice(cost) > 0) device.push({ shownMs: onDevice(stages), knownMs: onDevice(cost) });
    else device.fade();
    if (arm.kind === 'split') cloud.push({ shownMs: stages.tailMs, knownMs: cost.tailMs });
    else cloud.fade();
  }

  function predict(arm: Arm, cost: ArmCost, now: Conditions): number {
    if (arm.kind === 'device') return score(cost, now, 'device');
    return score(cost, now, 'split') + congestionPrice * cost.tailMs;
  }

  function rank(arms: readonly Arm[], nowMs: number): readonly Prediction[] {
    const now = conditions(nowMs);
    return arms
      .flatMap((arm) => {
        const cost = book.cost(arm.id);
        return cost === undefined ? [] : [{ arm, totalMs: predict(arm, cost, now) }];
      })
      .sort((a, b) => a.totalMs - b.totalMs);
  }

  function decide(arms: readonly Arm[], nowMs: number, limits: DecisionLimits = {}): Decision {
    const now = conditions(nowMs);
    const ranked = rank(arms, nowMs);
    const inTime = ranked.filter(({ arm }) => isInTime(arm, now, limits));
    const possible = inTime.length > 0 ? inTime : ranked.slice(0, 1);
    const best = possible[0];
    if (best === undefined) return { ...UNKNOWN, arm: deviceArm };
    const held = possible.find(({ arm }) => arm.id === current?.id);
    const chosen = held && staysWith(held, best, now) ? held : best;
    const change = noteChange(chosen, ranked, { now, nowMs });
    const probe = probeOf(ranked, chosen, nowMs);
    return {
      arm: chosen.arm,
      totalMs: chosen.totalMs,
      giveUpAfterMs: patienceOf(probe ?? chosen.arm, now),
      probe,
      change,
    };
  }

  function isInTime(arm: Arm, now: Conditions, { deadlineMs }: DecisionLimits): boolean {
    const cost = book.cost(arm.id);
    if (deadlineMs === undefined || cost === undefined) return true;
    return latencyScore(cost, now, arm.kind) <= deadlineMs;
  }

  function staysWith(held: Prediction, best: Prediction, now: Conditions): boolean {
    if (held === best) return true;
    if (!hysteresis.isWorthIt(1 - best.totalMs / held.totalMs)) return true;
    return random !== undefined && whyMove(held.arm, best.arm, now) === 'cloud' && random() < 0.5;
  }

  function whyMove(from: Arm, to: Arm, now: Conditions): ArmChange['cause'] {
    const [fromCost, toCost] = [book.cost(from.id), book.cost(to.id)];
    if (hasBeenSilent) return 'silence';
    if (!fromCost || !toCost) return 'arms';
    const kindOf = (cost: ArmCost) => (cost === fromCost ? from : to);
    return causeOf({
      ...{ from: fromCost, to: toCost, now, before: before ?? now },
      score: (cost, conditions) => predict(kindOf(cost), cost, conditions),
    });
  }

  function noteChange(
    chosen: Prediction,
    ranked: readonly Prediction[],
    { now, nowMs }: { readonly now: Conditions; readonly nowMs: number },
  ): ArmChange | undefined {
    const from = current;
    current = chosen.arm;
    hysteresis.count(from?.id !== chosen.arm.id);
    if (from?.id === chosen.arm.id) return undefined;
    const left = ranked.find(({ arm }) => arm.id === from?.id);
    const change = from && {
      ...{ from, to: chosen.arm, toMs: chosen.totalMs, fromMs: left?.totalMs },
      cause: left ? whyMove(from, chosen.arm, now) : 'arms',
      ...{ now, before: before ?? now },
    };
    before = now;
    changedAtMs = nowMs;
    hasBeenSilent = false;
    return change;
  }

  function patienceOf(arm: Arm, now: Conditions): number | undefined {
    const [cost, whole] = [book.cost(arm.id), book.cost(DEVICE_ARM.id)];
    if (arm.kind === 'device' || !cost || !whole) return undefined;
    const { headMs, encodeMs, decodeMs, ...away } = predictStages(cost, now);
    const restMs = Math.max(0, whole.headMs * now.deviceSlowdown - headMs);
    return giveUpAfterMs(totalMs({ ...away, headMs: 0, encodeMs: 0, decodeMs: 0 }), restMs);
  }

  function probeOf(ranked: readonly Prediction[], chosen: Prediction, nowMs: number): SplitArm | undefined {
    const rival = ranked.find(({ arm }) => arm.kind === 'split');
    if (chosen.arm.kind !== 'device' || !rival) return undefined;
    const probe = cheapestProbe(ranked, (id) => book.cost(id));
    if (!probe) return undefined;
    const isDue = probes.isDue({
      nowMs,
      learntAtMs: link.learntAtMs() ?? Number.NEGATIVE_INFINITY,
      aloneSinceMs: changedAtMs,
      costMs: probe.encodeMs * device.value,
      ratio: rival.totalMs / chosen.totalMs,
    });
    return isDue ? probe.arm : undefined;
  }

  return {
    setCost: (arm, cost, runs) => book.set(arm, cost, runs),
    cost: (arm) => book.cost(arm.id),
    pushRoundTrip: (ms) => link.pushRoundTrip(ms),
    observe,
    observeSilence(arm, waitedMs, nowMs) {
      const sentBytes = book.cost(arm.id)?.sentBytes ?? 0;
      hasBeenSilent = true;
      if (sentBytes > 0) link.pushUpperBound((sentBytes * 8000) / Math.max(waitedMs, 1), nowMs);
    },
    rank,
    choose: (arms, nowMs) => decide(arms, nowMs).arm,
    decide,
    conditions,
  };
}

const UNKNOWN = { totalMs: undefined, giveUpAfterMs: undefined, probe: undefined, change: undefined };

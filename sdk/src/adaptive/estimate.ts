/** What is thought of the link, the two machines and the arms, learnt from the stages of every request. */
import type { Arm } from '../planner/arm.ts';
import { type ArmCost, type Conditions, onDeviceMs, type StageTimes } from '../planner/cost-model.ts';
import { type ArmBook, createArmBook } from './arm-book.ts';
import { createAverage } from './average.ts';
import { createLinkEstimate, type LinkSample } from './link-estimate.ts';
import { type ArmScore, latencyScore } from './score.ts';
import { createSlowdown } from './slowdown.ts';

export interface Observation {
  readonly arm: Arm;
  readonly stages: StageTimes;
  readonly link?: LinkSample;
  /** @default what it was */
  readonly congestionPrice?: number;
}

/** How busy a gateway says that it is. */
export interface AnnouncedLoad {
  /** Work ahead of a newcomer. */
  readonly queueMs: number;
  /** What it asks of those who can do without it: milliseconds for each of its own. */
  readonly congestionPrice: number;
}

export interface Estimate {
  readonly book: ArmBook;
  conditions(nowMs: number): Conditions;
  /** When the uplink was last learnt about; minus infinity before the first time. */
  linkLearntAtMs(): number;
  pushRoundTrip(ms: number, spreadMs?: number): void;
  pushAnnounced(announced: AnnouncedLoad): void;
  observe(observation: Observation, nowMs: number): void;
  observeSilence(arm: Arm, waitedMs: number, nowMs: number): void;
  /** The score of an arm, the gateway's price included. */
  predict(arm: Arm, cost: ArmCost, now: Conditions): number;
}

export interface EstimateOptions {
  readonly score?: ArmScore | undefined;
  readonly quantile?: number | undefined;
}

export function createEstimate({ score = latencyScore, quantile = 0.5 }: EstimateOptions): Estimate {
  const book = createArmBook();
  const link = createLinkEstimate(quantile);
  const [device, cloud] = [createSlowdown(), createSlowdown()];
  const queue = createAverage(0.6);
  let congestionPrice = 0;

  const conditions = (nowMs: number): Conditions => ({
    ...link.at(nowMs),
    queueMs: queue.value ?? 0,
    deviceSlowdown: device.value,
    cloudSlowdown: cloud.value,
  });

  /** An arm's very first runs say more of what it costs than of how the machines have changed. */
  function learnMachines(arm: Arm, stages: StageTimes, cost: ArmCost): void {
    if (book.runs(arm.id) === 0) return;
    if (onDeviceMs(cost) > 0) device.push({ shownMs: onDeviceMs(stages), knownMs: onDeviceMs(cost) });
    else device.fade();
    if (arm.kind === 'split') cloud.push({ shownMs: stages.tailMs, knownMs: cost.tailMs });
    else cloud.fade();
  }

  return {
    book,
    conditions,
    linkLearntAtMs: () => link.learntAtMs() ?? Number.NEGATIVE_INFINITY,
    pushRoundTrip: (ms, spreadMs) => link.pushRoundTrip(ms, spreadMs),
    pushAnnounced(announced) {
      queue.push(announced.queueMs);
      congestionPrice = announced.congestionPrice;
    },
    observe({ arm, stages, link: sample, ...told }, nowMs) {
      const cost = book.cost(arm.id);
      if (cost === undefined) return;
      learnMachines(arm, stages, cost);
      if (arm.kind === 'split') {
        congestionPrice = told.congestionPrice ?? congestionPrice;
        queue.push(stages.queueMs);
        if (sample) link.push(sample);
      }
      book.learn(arm, { stages, sample, now: conditions(nowMs) });
    },
    observeSilence(arm, waitedMs, nowMs) {
      const sentBytes = book.cost(arm.id)?.sentBytes ?? 0;
      if (sentBytes > 0) link.pushUpperBound((sentBytes * 8000) / Math.max(waitedMs, 1), nowMs);
    },
    predict(arm, cost, now) {
      if (arm.kind === 'device') return score(cost, now, 'device');
      // The price is in milliseconds: to what counts anything else it cannot be added.
      const priceMs = score === latencyScore ? congestionPrice * cost.tailMs : 0;
      return score(cost, now, 'split') + priceMs;
    },
  };
}

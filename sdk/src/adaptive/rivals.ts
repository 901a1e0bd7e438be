/** What the controller is compared with: who knows the future, who never moves, and what others have proposed. */
import {
  type Controller,
  type ControllerOptions,
  createController,
  type DecisionLimits,
} from './controller.ts';
import { linUcb } from './lin-ucb.ts';
import type { Policy, PolicyMaker } from './policy.ts';
import { latencyScore } from './score.ts';
import type { PlayedArm } from './simulated-plan.ts';

/** What a plan says of an arm was measured, in about so many runs. */
const PLAN_RUNS = 10;

/**
 * The controller itself, as sessions use it.
 * @param told round trip, as the session learns it from small messages
 */
export function controllerPolicy(
  told: { readonly roundTripMs: number },
  options?: ControllerOptions,
  limits?: DecisionLimits,
): PolicyMaker {
  return (arms) => {
    const controller: Controller = createController((arms[0] as PlayedArm).arm, options);
    for (const { arm, cost } of arms) controller.setCost(arm, cost, PLAN_RUNS);
    controller.pushRoundTrip(told.roundTripMs);
    const list = arms.map(({ arm }) => arm);
    return {
      name: 'controller',
      decide: ({ nowMs }) => controller.decide(list, nowMs, limits),
      meet({ load, roundTripMs }) {
        controller.pushRoundTrip(roundTripMs);
        controller.pushAnnounced(load);
      },
      observe: (observation, _totalMs, nowMs) => controller.observe(observation, nowMs),
      observeSilence: controller.observeSilence,
    };
  };
}

/** For every request the best arm, the trace being known. */
export const oraclePolicy: PolicyMaker = (arms) => ({
  name: 'oracle',
  decide: ({ trueMs }) => arms.reduce((a, b) => (trueMs(b) < trueMs(a) ? b : a)),
});

export function fixedPolicy(armId: string, name = armId): PolicyMaker {
  return (arms) => {
    const { arm } = arms.find((one) => one.arm.id === armId) ?? (arms[0] as PlayedArm);
    return { name, decide: () => ({ arm }) };
  };
}

const TOLD_EVERY_MS = 5000;

/** A table from bandwidth to arm, as planned, and the bandwidth told every five seconds. */
export function thresholdPolicy(link: {
  readonly roundTripMs: number;
  readonly downlinkBitsPerSecond: number;
}): PolicyMaker {
  return (arms): Policy => {
    let toldAtMs = Number.NEGATIVE_INFINITY;
    let chosen = arms[0] as PlayedArm;
    const idle = { ...link, queueMs: 0, deviceSlowdown: 1, cloudSlowdown: 1 };
    return {
      name: 'bandwidth table',
      decide({ nowMs, uplinkBitsPerSecond }) {
        if (nowMs - toldAtMs >= TOLD_EVERY_MS) {
          toldAtMs = nowMs;
          const now = { ...idle, uplinkBitsPerSecond: Math.max(1, uplinkBitsPerSecond()) };
          const ms = ({ arm, cost }: PlayedArm) => latencyScore(cost, now, arm.kind);
          chosen = arms.reduce((a, b) => (ms(b) < ms(a) ? b : a));
        }
        return chosen;
      },
    };
  };
}

export const banditPolicy: PolicyMaker = linUcb;

/** How soon the controller is right again after something changed, and how still it keeps when nothing does. */
import { countSwitches } from '../../../sdk/src/adaptive/compare.ts';
import { controllerPolicy } from '../../../sdk/src/adaptive/rivals.ts';
import type { PlayedRequest } from '../../../sdk/src/adaptive/simulate.ts';
import { createTraceLink } from '../../../sdk/src/adaptive/trace-link.ts';
import type { NamedPlan } from './cases.ts';
import { EVERY_MS, playScene } from './plays.ts';

/** Within this much of the best arm for that request, an arm is right. */
const RIGHT = 1.03;
const CHANGE_MS = 30_000;
const END_MS = 60_000;
/** Mbit/s at which links are tried. */
const RATES = [0.25, 0.5, 1, 2, 4, 8, 16, 32];
const ATTACKED_REQUESTS = 12;
const ATTACK_SLOWDOWN = 3;

export interface Reactions {
  /** Most requests until right for good, after a doubling or a halving. */
  readonly stepRequests: number;
  readonly meanStepRequests: number;
  /** The same after twelve requests with the device three times slower. */
  readonly recoverRequests: number;
  /** Most on links that stand still. */
  readonly switchesPerMinute: number;
}

export function measureReactions(plans: readonly NamedPlan[]): Reactions {
  const steps = plans.flatMap((plan) =>
    RATES.flatMap((rate) => [afterStep(plan, rate, 2), afterStep(plan, rate, 0.5)]),
  );
  const attacks = plans.flatMap((plan) => RATES.map((rate) => afterAttack(plan, rate)));
  const still = plans.flatMap((plan) => RATES.map((rate) => onStillLink(plan, rate)));
  return {
    stepRequests: Math.max(...steps),
    meanStepRequests: steps.reduce((sum, count) => sum + count, 0) / steps.length,
    recoverRequests: Math.max(...attacks),
    switchesPerMinute: Math.max(...still),
  };
}

function sceneOf(rates: readonly (readonly [number, number])[]) {
  const samples = rates.map(([atMs, mbps]) => ({ atMs, bitsPerSecond: mbps * 1e6 }));
  return { name: 'reaction', uplink: createTraceLink(samples), durationMs: END_MS, seed: 5 };
}

function afterStep(plan: NamedPlan, rate: number, factor: number): number {
  const scene = sceneOf([
    [0, rate],
    [CHANGE_MS, rate * factor],
    [END_MS, rate * factor],
  ]);
  return untilRight(playScene(plan, scene, controllerPolicy(plan.link)), CHANGE_MS);
}

function afterAttack(plan: NamedPlan, rate: number): number {
  const scene = sceneOf([
    [0, rate],
    [END_MS, rate],
  ]);
  // As long as twelve requests on the slowed device take.
  const before = playScene(plan, scene, controllerPolicy(plan.link));
  const usual = before.filter(({ startMs }) => startMs < CHANGE_MS).at(-1)?.totalMs ?? EVERY_MS;
  const lengthMs = ATTACKED_REQUESTS * Math.ceil((ATTACK_SLOWDOWN * usual) / EVERY_MS) * EVERY_MS;
  const deviceSlowdown = (atMs: number) =>
    atMs >= CHANGE_MS && atMs < CHANGE_MS + lengthMs ? ATTACK_SLOWDOWN : 1;
  const attacked = { ...scene, durationMs: END_MS + lengthMs, deviceSlowdown };
  return untilRight(playScene(plan, attacked, controllerPolicy(plan.link)), CHANGE_MS + lengthMs);
}

function onStillLink(plan: NamedPlan, rate: number): number {
  const requests = playScene(
    plan,
    sceneOf([
      [0, rate],
      [END_MS, rate],
    ]),
    controllerPolicy(plan.link),
  );
  return countSwitches(requests) / (END_MS / 60_000);
}

/** Of the requests that start after the change: how many until three in a row are right. */
function untilRight(requests: readonly PlayedRequest[], changeMs: number): number {
  const later = requests.filter(({ startMs }) => startMs >= changeMs);
  const isRight = later.map(({ totalMs, bestMs }) => totalMs <= bestMs * RIGHT);
  const first = isRight.findIndex((_, i) => isRight.slice(i, i + 3).every(Boolean));
  return first < 0 ? Number.POSITIVE_INFINITY : first;
}

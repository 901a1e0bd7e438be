/** Plays one plan on one link by every policy, and compares mean times. */
import type { PolicyMaker } from '../../../sdk/src/adaptive/policy.ts';
import {
  banditPolicy,
  controllerPolicy,
  fixedPolicy,
  oraclePolicy,
  thresholdPolicy,
} from '../../../sdk/src/adaptive/rivals.ts';
import { type PlayedRequest, simulate } from '../../../sdk/src/adaptive/simulate.ts';
import { type PlayedArm, playedArms, type SimulatedPlan } from '../../../sdk/src/adaptive/simulated-plan.ts';
import type { World } from '../../../sdk/src/adaptive/simulated-world.ts';
import { seededRandom } from '../../../sdk/src/testing/random.ts';
import type { Scene } from './scenes.ts';

export const EVERY_MS = 200;
/** Times on device and gateway vary by so much, as the standard deviation of their logarithm. */
const NOISE = 0.03;

export interface Outcome {
  readonly controllerMs: number;
  readonly oracleMs: number;
  readonly bestFixedMs: number;
  readonly edgeOnlyMs: number;
  readonly cloudOnlyMs: number;
  readonly thresholdMs: number;
  readonly banditMs: number;
  /** 95th percentile over the oracle's. */
  readonly p95Regret: number;
  readonly requests: readonly PlayedRequest[];
}

export function playAll(plan: SimulatedPlan, scene: Scene): Outcome {
  const arms = playedArms(plan);
  const play = (policy: PolicyMaker) => playScene(plan, scene, policy);
  const mean = (policy: PolicyMaker) => meanMs(play(policy));
  const [requests, oracle] = [play(controllerPolicy(plan.link)), play(oraclePolicy)];
  const fixed = new Map(arms.map(({ arm }) => [arm.id, mean(fixedPolicy(arm.id))]));
  return {
    controllerMs: meanMs(requests),
    oracleMs: meanMs(oracle),
    bestFixedMs: Math.min(...fixed.values()),
    edgeOnlyMs: fixed.get('device') ?? Number.NaN,
    cloudOnlyMs: Math.min(...arms.filter(({ isCloud }) => isCloud).map(({ arm }) => fixed.get(arm.id) ?? 0)),
    thresholdMs: mean(thresholdPolicy(plan.link)),
    banditMs: mean(banditPolicy),
    p95Regret: p95Ms(requests) / p95Ms(oracle) - 1,
    requests,
  };
}

export function playScene(plan: SimulatedPlan, scene: Scene, policy: PolicyMaker): readonly PlayedRequest[] {
  const arms: readonly PlayedArm[] = playedArms(plan);
  const { durationMs } = scene;
  return simulate({ arms, world: worldOf(plan, scene), policy, durationMs, everyMs: EVERY_MS });
}

function worldOf(
  { link }: SimulatedPlan,
  { uplink, deviceSlowdown, cloudSlowdown, othersMs, seed }: Scene,
): World {
  const { roundTripMs, downlinkBitsPerSecond } = link;
  return {
    ...{ uplink, roundTripMs, downlinkBitsPerSecond, deviceSlowdown, cloudSlowdown, othersMs },
    noise: (_device, request) => {
      const random = seededRandom(seed * 1_000_003 + request);
      return { device: logNormal(random), cloud: logNormal(random) };
    },
  };
}

/** From twelve uniform numbers: near enough to normal, and without tails. */
function logNormal(random: () => number): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random();
  return Math.exp(NOISE * sum);
}

export function meanMs(requests: readonly PlayedRequest[]): number {
  return requests.reduce((sum, { totalMs }) => sum + totalMs, 0) / requests.length;
}

function p95Ms(requests: readonly PlayedRequest[]): number {
  const sorted = requests.map(({ totalMs }) => totalMs).toSorted((a, b) => a - b);
  return sorted[Math.floor(0.95 * (sorted.length - 1))] ?? Number.NaN;
}

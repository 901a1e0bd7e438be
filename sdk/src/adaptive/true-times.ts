/** What a request would take by each arm, for the oracle, and what it shows of the link, for those who learn. */
import type { ArmCost, StageTimes } from '../planner/cost-model.ts';
import type { LinkSample } from './link-estimate.ts';
import type { Situation } from './policy.ts';
import { takes } from './simulated-cloud.ts';
import type { PlayedArm } from './simulated-plan.ts';
import { answerOf, type Noise, runHere, sendThrough, type World } from './simulated-world.ts';

// As the transport: shorter messages do not show the rate by how their parts spread.
const SPREAD_BYTES = 65_536;
const SPREAD_MS = 5;

export interface TrueMoment {
  readonly startMs: number;
  readonly noise: Noise;
  readonly gatewayFreeAtMs: number;
}

/** Were nothing else sent from that moment on. */
export function trueTotalMs(
  world: World,
  { arm, cost }: PlayedArm,
  { startMs, noise, gatewayFreeAtMs }: TrueMoment,
): number {
  if (arm.kind === 'device') return runHere(world, cost, startMs, noise);
  const sending = sendThrough(world, cost, startMs, noise);
  const served = takes(world, cost, { arriveAtMs: sending.arriveAtMs, noise, gatewayFreeAtMs });
  return answerOf(world, cost, { sending, noise, served }).answerAtMs - startMs;
}

export function bestOf(arms: readonly PlayedArm[], trueMs: Situation['trueMs']) {
  let best = { id: '', ms: Number.POSITIVE_INFINITY };
  for (const one of arms) {
    const ms = trueMs(one);
    if (ms < best.ms) best = { id: one.arm.id, ms };
  }
  return best;
}

export function shownLink(
  world: World,
  { sentBytes, receivedBytes }: ArmCost,
  { stages, atMs }: { readonly stages: StageTimes; readonly atMs: number },
): LinkSample {
  const { uplinkMs, downlinkMs } = stages;
  const sendingMs = uplinkMs - world.roundTripMs / 2;
  const isLong = sentBytes >= SPREAD_BYTES && sendingMs >= SPREAD_MS;
  return {
    ...{ atMs, sentBytes, uplinkMs, receivedBytes, downlinkMs },
    ...(isLong && { uplinkBitsPerSecond: (sentBytes * 8000) / sendingMs }),
  };
}

/**
 * A fleet on a virtual clock: each device with a controller of its own on its own link, the gateways with their queues and
 * batches, announcements that are seconds old, and gateways that go away.
 */
import { createEventQueue } from '../adaptive/event-queue.ts';
import type { PolicyMaker } from '../adaptive/policy.ts';
import { controllerPolicy, fixedPolicy } from '../adaptive/rivals.ts';
import type { PlayedRequest } from '../adaptive/simulate.ts';
import { createSimulatedDevice, type Turns } from '../adaptive/simulated-device.ts';
import type { PlayedArm } from '../adaptive/simulated-plan.ts';
import type { Noise } from '../adaptive/simulated-world.ts';
import { type ClassTally, createClassTally } from './class-tally.ts';
import { linkMaker } from './device-links.ts';
import type { Fleet } from './fleet-file.ts';
import { type ClassPlan, modelsOf } from './fleet-plans.ts';
import { createGatewayPool, type Failure, type GatewayPool, type PoolDevice } from './gateway-pool.ts';
import { checkLaws, type Laws } from './laws.ts';

export interface FleetSimulation {
  readonly fleet: Fleet;
  readonly classes: readonly ClassPlan[];
  /** Gateways of each region, in the order of the fleet. */
  readonly gateways: readonly number[];
  /** What is looked at begins after the warming up. */
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** `controller`: as sessions do; the others never move. @default 'controller' */
  readonly mode?: FleetMode | undefined;
  readonly failures?: readonly Failure[] | undefined;
}

export type FleetMode = 'controller' | 'device' | 'cloud';

export interface FleetRun {
  readonly classes: readonly ClassTally[];
  readonly gateways: GatewayPool['gateways'];
  /** In the window that is looked at. */
  readonly announcements: number;
  /** Of the window that is looked at. */
  readonly seconds: number;
  readonly laws: Laws;
}

/** As the session: less is the noise of timers. */
const LEAST_PATIENCE_MS = 50;

/** The same options and the same random numbers give the same run. @throws SplitError `internal` where it does not add up */
export function simulateFleet(o: FleetSimulation): FleetRun {
  const { fleet, classes, random } = o;
  const endMs = o.warmUpMs + o.durationMs;
  const window = { fromMs: o.warmUpMs, toMs: endMs };
  const events = createEventQueue();
  const models = modelsOf(fleet, classes);
  const kinds: PoolDevice[] = classes.map((one) => ({
    region: one.region,
    model: models.get(one) as PoolDevice['model'],
  }));
  const ends = runningSums(classes.map(({ about }) => about.devices));
  const classAt = (device: number) => ends.findIndex((end) => device < end);
  const tallies = classes.map((one) => createClassTally(one, window));
  const pool = createGatewayPool({
    ...{ fleet, gateways: o.gateways, events, window, endMs, failures: o.failures ?? [] },
    deviceAt: (device) => kinds[classAt(device)] as PoolDevice,
    onArrival: (request) => tallies[classAt(request.device)]?.arrived(request),
    onEnd: (request, end) => tallies[classAt(request.device)]?.served(request, end),
  });
  let index = 0;
  for (const [i, one] of classes.entries()) {
    const { about, arms, deadlineMs } = one;
    const worldOf = linkMaker(about.link, one.trace);
    const noise = noiseMaker(fleet.noise, random);
    const policy = policyMaker(one, o.mode ?? 'controller', random);
    const everyMs = about.everySeconds * 1000;
    const turns = about.arrivals === 'poisson' ? poissonTurns(everyMs, random) : periodicTurns(everyMs);
    for (let n = 0; n < about.devices; n++) {
      const world = { ...worldOf(n, about.devices), noise };
      const device = createSimulatedDevice({
        ...{ index: index++, arms, world, turns, cloud: pool, events, deadlineMs },
        ...{ policy: policy(arms), isJudged: false, leastPatienceMs: LEAST_PATIENCE_MS },
        record: (request: PlayedRequest) => tallies[i]?.ended(request),
        isOver: (nowMs) => nowMs >= endMs,
      });
      device.startAt(random() * everyMs);
    }
  }
  events.runUntil(Number.POSITIVE_INFINITY);
  const laws = checkLaws(pool.gateways.map(({ ledger }) => ledger));
  const { gateways, announcements } = pool;
  return { classes: tallies, gateways, announcements, seconds: o.durationMs / 1000, laws };
}

function runningSums(counts: readonly number[]): readonly number[] {
  let sum = 0;
  return counts.map((count) => {
    sum += count;
    return sum;
  });
}

function policyMaker(
  { plan, score, deadlineMs, arms }: ClassPlan,
  mode: FleetMode,
  random: () => number,
): PolicyMaker {
  if (mode === 'controller') return controllerPolicy(plan.link, { score, random }, { deadlineMs });
  return fixedPolicy((mode === 'cloud' ? cloudArm(arms) : arms[0])?.arm.id ?? 'device');
}

/** Of the ways to send the input the one with the fewest bytes; without any, the cut that leaves the device least to do. */
export function cloudArm(arms: readonly PlayedArm[]): PlayedArm | undefined {
  const whole = arms.filter(({ isCloud }) => isCloud);
  const cuts = arms.filter(({ arm }) => arm.kind === 'split');
  return whole.length > 0
    ? whole.toSorted((a, b) => a.cost.sentBytes - b.cost.sentBytes)[0]
    : cuts.toSorted((a, b) => a.cost.headMs - b.cost.headMs)[0];
}

/** Requests that come while one is under way are left out. */
function poissonTurns(everyMs: number, random: () => number): Turns {
  return (startMs, answerAtMs) => {
    let atMs = startMs;
    do atMs += -Math.log(1 - random()) * everyMs;
    while (atMs < answerAtMs);
    return atMs;
  };
}

function periodicTurns(everyMs: number): Turns {
  return (startMs, answerAtMs) =>
    startMs + everyMs * Math.max(1, Math.ceil((answerAtMs - startMs) / everyMs));
}

/** Log-normal, with mean 1. */
function noiseMaker(sigma: number, random: () => number): () => Noise {
  const one = () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.exp(sigma * normal - (sigma * sigma) / 2);
  };
  return () => ({ device: one(), cloud: one() });
}

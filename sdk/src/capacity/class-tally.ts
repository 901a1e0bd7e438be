/** What is counted of one class of devices while its fleet is played. */

import type { PlayedRequest } from '../adaptive/simulate.ts';
import type { ArrivedRequest, ServedEnd } from '../adaptive/simulated-cloud.ts';
import { DEVICE_ARM } from '../planner/arm.ts';
import { onDeviceMs } from '../planner/cost-model.ts';
import type { ClassPlan } from './fleet-plans.ts';
import type { Window } from './simulated-gateway.ts';
import { createTally, type Tally } from './tally.ts';

export interface ClassTally {
  readonly of: ClassPlan;
  /** From the start of a request to its answer. */
  readonly latency: Tally;
  /** At the gateway, of requests that were answered there. */
  readonly queue: Tally;
  /** Requests by arm, also those whose cloud was late. */
  readonly byArm: ReadonlyMap<string, number>;
  /** By the plan's windows, in their order. */
  readonly bands: readonly BandTally[];
  /** A cut was chosen and the device had finished before the cloud's answer came. */
  readonly late: number;
  readonly probes: number;
  readonly refused: number;
  /** Messages that reached a gateway, by arm: what the broker carries. */
  readonly sentByArm: ReadonlyMap<string, number>;
  readonly answeredByArm: ReadonlyMap<string, number>;
  /** Time that devices computed, in milliseconds. */
  readonly deviceMs: number;
  arrived(request: ArrivedRequest): void;
  served(request: ArrivedRequest, end: ServedEnd): void;
  ended(request: PlayedRequest): void;
}

export interface BandTally {
  readonly fromBitsPerSecond: number;
  readonly toBitsPerSecond: number;
  readonly byArm: ReadonlyMap<string, number>;
  readonly latency: Tally;
}

export function createClassTally(of: ClassPlan, { fromMs, toMs }: Window): ClassTally {
  const { plan, arms } = of;
  const latency = createTally();
  const queue = createTally();
  const byArm = new Map<string, number>();
  const sentByArm = new Map<string, number>();
  const answeredByArm = new Map<string, number>();
  const bands = plan.windows.map((window) => ({
    fromBitsPerSecond: window.fromBitsPerSecond ?? 0,
    toBitsPerSecond: window.toBitsPerSecond ?? Number.POSITIVE_INFINITY,
    byArm: new Map<string, number>(),
    latency: createTally(),
  }));
  const costs = new Map(arms.map(({ arm, cost }) => [arm.id, cost]));
  const wholeMs = costs.get(DEVICE_ARM.id)?.headMs ?? 0;
  const counts = { late: 0, probes: 0, refused: 0, deviceMs: 0 };
  const isSeen = (atMs: number) => atMs >= fromMs && atMs < toMs;
  return {
    ...{ of, latency, queue, byArm, bands, sentByArm, answeredByArm },
    get late() {
      return counts.late;
    },
    get probes() {
      return counts.probes;
    },
    get refused() {
      return counts.refused;
    },
    get deviceMs() {
      return counts.deviceMs;
    },
    arrived({ nowMs, played }) {
      if (isSeen(nowMs)) add(sentByArm, played.arm.id);
    },
    served({ nowMs, played }, end) {
      if (!isSeen(nowMs)) return;
      if (end.kind === 'refused') counts.refused += 1;
      else {
        queue.push(end.queueMs);
        add(answeredByArm, played.arm.id);
      }
    },
    ended({ startMs, totalMs, armId, answeredBy, isProbing, uplinkBitsPerSecond }) {
      if (!isSeen(startMs)) return;
      latency.push(totalMs);
      add(byArm, armId);
      const isLate = answeredBy === 'device' && armId !== DEVICE_ARM.id;
      if (isLate) counts.late += 1;
      if (isProbing) counts.probes += 1;
      const cost = costs.get(armId);
      counts.deviceMs += isLate ? wholeMs : cost ? onDeviceMs(cost) : 0;
      const band = bands.find(
        (one) => uplinkBitsPerSecond >= one.fromBitsPerSecond && uplinkBitsPerSecond < one.toBitsPerSecond,
      );
      band?.latency.push(totalMs);
      if (band) add(band.byArm, armId);
    },
  };
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

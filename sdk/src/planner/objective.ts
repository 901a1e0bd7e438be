/** Objectives: what the best arm is the best at. All are scores of which less is better. */
import {
  type ArmCost,
  type Conditions,
  computedTailMs,
  onDeviceMs,
  predictStages,
  slowestTailMs,
  totalMs,
  transferMs,
} from './cost-model.ts';

export const OBJECTIVES: readonly ['latency', 'throughput', 'energy', 'cost', 'bytes'] = [
  'latency',
  'throughput',
  'energy',
  'cost',
  'bytes',
];

/**
 * `latency`: milliseconds of one request. `throughput`: milliseconds between two results when requests follow each other
 * closely, which is the slowest stage's time. `energy`: millijoules of the device. `cost`: what the cloud charges for a
 * million requests. `bytes`: bytes sent.
 */
export type Objective = (typeof OBJECTIVES)[number];

/** What the device draws, in watts. */
export interface PowerModel {
  /** While it computes. */
  readonly computeWatts: number;
  /** While it waits for an answer. */
  readonly idleWatts: number;
  /** While it sends: this much whatever the rate, */
  readonly sendWatts: number;
  /** and this much for each Mbit/s. */
  readonly sendWattsPerMbps: number;
  /** Where the numbers are from; it is shown beside every result. */
  readonly source: string;
}

const RADIO_SOURCE =
  'radio: BottleNet (ISLPED 2019), constants of upload, labels inferred; compute and idle: as given';

export type RadioName = '3g' | '4g' | 'wifi';

/** Sending by radio, to be completed by what the device draws itself. */
export const RADIOS: Readonly<Record<RadioName, Omit<PowerModel, 'computeWatts' | 'idleWatts'>>> = {
  '3g': { sendWatts: 0.81788, sendWattsPerMbps: 0.86898, source: RADIO_SOURCE },
  '4g': { sendWatts: 1.28804, sendWattsPerMbps: 0.43839, source: RADIO_SOURCE },
  wifi: { sendWatts: 0.13286, sendWattsPerMbps: 0.28317, source: RADIO_SOURCE },
};

/** What the cloud charges, in any one currency. */
export interface CloudPrices {
  readonly perComputeHour: number;
  /** For 10^9 bytes sent to the cloud. */
  readonly perGigabyte: number;
}

export interface ObjectiveModels {
  /** Needed for `energy`. */
  readonly power?: PowerModel | undefined;
  /** Needed for `cost`. */
  readonly prices?: CloudPrices | undefined;
}

/** The score of an arm; `undefined` where the model that it needs is not given. */
export function scoreArm(
  objective: Objective,
  cost: ArmCost,
  now: Conditions,
  models: ObjectiveModels = {},
): number | undefined {
  switch (objective) {
    case 'latency':
      return latencyMs(cost, now);
    case 'throughput':
      return bottleneckMs(cost, now);
    case 'energy':
      return models.power && energyMj(cost, now, models.power);
    case 'cost':
      return models.prices && costPerMillion(cost, now, models.prices);
    case 'bytes':
      return cost.sentBytes;
  }
}

/** Milliseconds of one request. A run that sends nothing waits for nobody. */
export function latencyMs(cost: ArmCost, now: Conditions): number {
  return staysHere(cost) ? onDeviceMs(cost) * now.deviceSlowdown : totalMs(predictStages(cost, now));
}

/** The slowest of head, encode, uplink, tail and downlink, each working on another request. Delays of the link overlap. */
export function bottleneckMs(cost: ArmCost, now: Conditions): number {
  return Math.max(
    (cost.headMs + (cost.lastMs ?? 0)) * now.deviceSlowdown,
    (cost.encodeMs + cost.decodeMs) * now.deviceSlowdown,
    transferMs(cost.sentBytes, now.uplinkBitsPerSecond),
    slowestTailMs(cost) * now.cloudSlowdown,
    transferMs(cost.receivedBytes, now.downlinkBitsPerSecond),
  );
}

/** P_compute · t_compute + (P_send + α · rate) · t_send + P_idle · t_wait; watts times milliseconds are millijoules. */
export function energyMj(cost: ArmCost, now: Conditions, power: PowerModel): number {
  const computeMs = onDeviceMs(cost) * now.deviceSlowdown;
  if (staysHere(cost)) return power.computeWatts * computeMs;
  const sendMs = transferMs(cost.sentBytes, now.uplinkBitsPerSecond);
  const sendWatts = power.sendWatts + power.sendWattsPerMbps * (now.uplinkBitsPerSecond / 1e6);
  const waitMs = Math.max(0, latencyMs(cost, now) - computeMs - sendMs);
  return power.computeWatts * computeMs + sendWatts * sendMs + power.idleWatts * waitMs;
}

function costPerMillion(cost: ArmCost, now: Conditions, prices: CloudPrices): number {
  const hours = (computedTailMs(cost) * now.cloudSlowdown) / 3_600_000;
  return 1e6 * (hours * prices.perComputeHour + (cost.sentBytes / 1e9) * prices.perGigabyte);
}

function staysHere({ sentBytes, tailMs }: ArmCost): boolean {
  return sentBytes === 0 && tailMs === 0;
}

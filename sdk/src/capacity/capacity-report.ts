/** What a capacity report holds; `cutpoint capacity --json` writes it. */
import type { BrokerLoad } from './broker-load.ts';
import type { Fleet } from './fleet-file.ts';
import type { FleetMode } from './fleet-simulation.ts';
import type { GatewayMemory } from './gateway-memory.ts';
import type { Laws } from './laws.ts';
import type { IdleClass } from './offered-load.ts';
import type { Sensitivity } from './sensitivity.ts';
import type { Spread } from './tally.ts';

export interface CapacityReport {
  readonly format: 'cutpoint-capacity';
  readonly version: 1;
  readonly fleet: Fleet;
  readonly plans: readonly { readonly class: string; readonly hash: string; readonly modelDigest: string }[];
  readonly seconds: number;
  readonly devices: number;
  readonly requestsPerSecond: number;
  readonly isFeasible: boolean;
  /** What cannot be had, and why. */
  readonly problems: readonly string[];
  readonly regions: readonly RegionCapacity[];
  readonly classes: readonly ClassCapacity[];
  readonly broker: BrokerLoad;
  /** As planned, the device alone, and the cloud alone. */
  readonly costs: readonly ModeCost[];
  readonly sensitivity: readonly Sensitivity[];
  readonly laws: Laws;
  readonly assumptions: readonly string[];
}

export interface RegionCapacity {
  readonly name: string;
  readonly gateways: number;
  readonly executors: number;
  readonly utilisation: number;
  /** Of the gateway with the least and with the most work. */
  readonly leastUtilisation: number;
  readonly mostUtilisation: number;
  readonly requestsPerSecond: number;
  readonly meanBatch: number;
  /** Null where there are no gateways, or of some model nobody said how large it is. */
  readonly memory: GatewayMemory | null;
}

export interface ClassCapacity {
  readonly name: string;
  readonly region: string;
  readonly devices: number;
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly latency: Spread;
  readonly queue: Spread;
  readonly meetsSlo: boolean;
  readonly idle: IdleClass;
  readonly lateShare: number;
  readonly refusedShare: number;
  readonly probeShare: number;
  readonly arms: readonly { readonly id: string; readonly name: string; readonly share: number }[];
  readonly bands: readonly BandCapacity[];
}

export interface BandCapacity {
  readonly words: string;
  /** The plan's, with idle gateways. */
  readonly planned: string;
  /** What controllers used most, and its share of the band. */
  readonly used: string;
  readonly usedShare: number;
  /** Of the class's requests. */
  readonly share: number;
  readonly p95Ms: number;
}

export interface ModeCost {
  readonly mode: FleetMode;
  readonly gateways: number;
  /** Of the class that is worst off. */
  readonly p95Ms: number;
  readonly meetsSlo: boolean;
  /** For 1,000 inferences. */
  readonly gatewaysCost: number;
  readonly trafficCost: number;
  readonly devicesCost: number;
  readonly totalCost: number;
}

export const WORDS: Readonly<Record<FleetMode, string>> = {
  controller: 'as planned',
  device: 'the device alone',
  cloud: 'the cloud alone',
};

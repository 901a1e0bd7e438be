/** fleet.yaml: devices, links, gateways, prices and the objective that a capacity report is made for. Reading YAML is the caller's. */

import { z } from 'zod';
import { SplitError } from '../errors.ts';
import { describeIssues } from '../planner/policy.ts';

/** Rates in Mbit/s that so many percent of the devices do not reach; between them the logarithm of the rate is taken to be linear. */
export interface RateDistribution {
  readonly p5: number;
  readonly p50: number;
  readonly p95: number;
}

export interface FleetLink {
  /** Of each device, constant in time; one number: all alike. Or `trace`. */
  readonly uplinkMbps?: number | RateDistribution | undefined;
  /** Path of a recorded uplink, relative to the fleet's file; every device is somewhere else in it. */
  readonly trace?: string | undefined;
  /** Multiplies every rate. @default 1 */
  readonly scale: number;
  readonly downlinkMbps: number;
  /** To a gateway of the own region. */
  readonly roundTripMs: number;
}

export interface FleetClass {
  readonly name: string;
  /** Path of a plan that was made for such devices, relative to the fleet's file. */
  readonly plan: string;
  readonly devices: number;
  /** Of one device, on average. */
  readonly everySeconds: number;
  /** `poisson`: at any time; `periodic`: like frames of a camera. One that comes while another is under way is left out. */
  readonly arrivals: 'poisson' | 'periodic';
  /** @default the first region */
  readonly region?: string | undefined;
  readonly link: FleetLink;
  /** As the session's. */
  readonly deadlineMs: number;
  /** @default the gateway's */
  readonly batches?: readonly BatchShare[] | undefined;
  /** What an executor holds of its model's weights, in MiB. @default as the plan says: all of them */
  readonly weightsMb?: number | undefined;
  /** What one request's values take besides, in MiB. @default as the plan says */
  readonly activationsMb?: number | undefined;
}

/** A batch takes this share of what its requests take one by one. */
export interface BatchShare {
  readonly size: number;
  readonly share: number;
}

export interface FleetRegion {
  readonly name: string;
  /** @default as many as are needed */
  readonly gateways?: number | undefined;
  /** Other regions whose gateways its devices may use. @default none: activations stay in the region */
  readonly mayUse: readonly string[];
}

export interface FleetGateway {
  /** Graphics processors, or one for the CPU. */
  readonly executors: number;
  /** How many times slower than the cloud of the plans. */
  readonly slowdown: number;
  readonly batching: 'mixed' | 'per-cut' | 'none';
  /** Measured; sizes between are interpolated. @default batches gain nothing */
  readonly batches: readonly BatchShare[];
  readonly maxBatch: number;
  readonly maxQueued: number;
  /** Of one region. */
  readonly maxGateways: number;
  /** What each run takes besides, to the executor and back. */
  readonly copyMs: number;
  /** Memory of each executor, in MiB. @default nobody looks whether the models fit */
  readonly executorMemoryMb?: number | undefined;
  /** Versions of a model that are served. */
  readonly keepVersions: number;
}

export interface FleetPrices {
  readonly currency: string;
  readonly perGatewayHour: number;
  /** 10^9 bytes, sent or received. */
  readonly perGigabyte: number;
  /** Of a device that computes: energy, wear. */
  readonly perDeviceHour: number;
}

export interface FleetBroker {
  /** What one broker carries, in and out together. */
  readonly maxMessagesPerSecond: number;
  readonly maxMegabytesPerSecond: number;
}

export interface Fleet {
  readonly name: string;
  readonly slo: { readonly p95Ms: number };
  /** Share of the gateways' time that stays free. */
  readonly headroom: number;
  readonly regions: readonly FleetRegion[];
  /** Round trip from one region to another, besides. */
  readonly betweenRegionsMs: number;
  readonly gateway: FleetGateway;
  readonly prices: FleetPrices;
  readonly broker: FleetBroker;
  readonly classes: readonly FleetClass[];
  /** Times on devices and gateways vary by this much: the standard deviation of their logarithm. */
  readonly noise: number;
}

const Name = z.string().min(1).max(64);
const Rate = z.number().positive().max(1e6);
const Share = z.strictObject({ size: z.int().min(1).max(256), share: z.number().positive().max(1) });
const Amount = z.number().nonnegative().max(1e9);
const Memory = z.number().positive().max(1e9);

const Distribution = z
  .strictObject({ p5: Rate, p50: Rate, p95: Rate })
  .refine(({ p5, p50, p95 }) => p5 <= p50 && p50 <= p95, 'expected p5 <= p50 <= p95');

const LinkSchema = z
  .strictObject({
    uplinkMbps: z.union([Rate, Distribution]).optional(),
    trace: z.string().min(1).max(4096).optional(),
    scale: z.number().positive().max(1e6).default(1),
    downlinkMbps: Rate.default(20),
    roundTripMs: z.number().nonnegative().max(60_000),
  })
  .refine(
    ({ uplinkMbps, trace }) => (uplinkMbps === undefined) !== (trace === undefined),
    'expected uplinkMbps or trace, one of them',
  );

const GatewaySchema = z.strictObject({
  executors: z.int().min(1).max(64).default(1),
  slowdown: z.number().positive().max(1000).default(1),
  batching: z.enum(['mixed', 'per-cut', 'none']).default('mixed'),
  batches: z.array(Share).max(16).default([]),
  maxBatch: z.int().min(1).max(256).default(32),
  maxQueued: z.int().min(1).max(1_000_000).default(1024),
  maxGateways: z.int().min(1).max(2000).default(500),
  copyMs: z.number().nonnegative().max(1000).default(1),
  executorMemoryMb: Memory.optional(),
  keepVersions: z.int().min(1).max(8).default(2),
});

const ClassSchema = z.strictObject({
  name: Name,
  plan: z.string().min(1).max(4096),
  devices: z.int().min(1).max(1_000_000),
  everySeconds: z.number().positive().max(86_400),
  arrivals: z.enum(['poisson', 'periodic']).default('poisson'),
  region: Name.optional(),
  link: LinkSchema,
  deadlineMs: z.number().positive().max(3_600_000).default(2000),
  batches: z.array(Share).max(16).optional(),
  weightsMb: Memory.optional(),
  activationsMb: Memory.optional(),
});

const FleetSchema: z.ZodType<Fleet> = z.strictObject({
  name: z.string().min(1).max(200),
  slo: z.strictObject({ p95Ms: z.number().positive() }),
  headroom: z.number().min(0).max(0.95).default(0.3),
  regions: z
    .array(
      z.strictObject({
        name: Name,
        gateways: z.int().min(0).max(2000).optional(),
        mayUse: z.array(Name).max(64).default([]),
      }),
    )
    .min(1)
    .max(64)
    .default([{ name: 'here', mayUse: [] }]),
  betweenRegionsMs: Amount.default(80),
  gateway: GatewaySchema.default(GatewaySchema.parse({})),
  prices: z
    .strictObject({
      currency: z.string().min(1).max(16).default('USD'),
      perGatewayHour: Amount.default(0),
      perGigabyte: Amount.default(0),
      perDeviceHour: Amount.default(0),
    })
    .default({ currency: 'USD', perGatewayHour: 0, perGigabyte: 0, perDeviceHour: 0 }),
  broker: z
    .strictObject({
      maxMessagesPerSecond: z.number().positive().default(50_000),
      maxMegabytesPerSecond: z.number().positive().default(500),
    })
    .default({ maxMessagesPerSecond: 50_000, maxMegabytesPerSecond: 500 }),
  classes: z.array(ClassSchema).min(1).max(64),
  noise: z.number().min(0).max(1).default(0.05),
});

/** @throws SplitError `options-invalid` naming each field at fault */
export function readFleet(content: unknown): Fleet {
  const parsed = FleetSchema.safeParse(content ?? {});
  if (!parsed.success) throw new SplitError('options-invalid', describeIssues('fleet', parsed.error.issues));
  const fleet = parsed.data;
  const problem = unknownName(fleet);
  if (problem) throw new SplitError('options-invalid', problem);
  return fleet;
}

function unknownName({ regions, classes, gateway }: Fleet): string | undefined {
  const names = regions.map(({ name }) => name);
  const twice = (list: readonly string[]) => list.find((name, i) => list.indexOf(name) !== i);
  const double = twice(names) ?? twice(classes.map(({ name }) => name));
  if (double !== undefined) return `fleet: the name '${double}' is there twice`;
  const used = [...classes.flatMap(({ region }) => region ?? []), ...regions.flatMap(({ mayUse }) => mayUse)];
  const stray = used.find((name) => !names.includes(name));
  if (stray !== undefined) return `fleet: there is no region '${stray}'; there are ${names.join(', ')}`;
  const unsorted = [gateway.batches, ...classes.map(({ batches = [] }) => batches)].find((list) =>
    list.some(({ size }, i) => size <= (list[i - 1]?.size ?? 1)),
  );
  return unsorted && 'fleet: batches must be of rising sizes from 2 on';
}

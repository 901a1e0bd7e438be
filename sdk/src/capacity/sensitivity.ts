/** What the answer hangs on: the same gateways, and one thing other than the file says. */
import type { CapacityOptions } from './capacity.ts';
import type { Fleet, FleetClass } from './fleet-file.ts';
import type { ClassPlan } from './fleet-plans.ts';
import { simulateFleet } from './fleet-simulation.ts';
import type { Failure } from './gateway-pool.ts';
import { utilisation, warmUpMs } from './size-fleet.ts';

export interface Sensitivity {
  readonly what: string;
  /** Of the class that is worst off. */
  readonly p95Ms: number;
  /** Of the region that is worst off. */
  readonly utilisation: number;
  readonly lateShare: number;
  readonly meetsSlo: boolean;
}

interface Variation {
  readonly what: string;
  readonly fleet?: (fleet: Fleet) => Fleet;
  readonly each?: (about: FleetClass) => FleetClass;
  readonly failures?: (gateways: number, seconds: number) => readonly Failure[];
}

const devices = (factor: number) => (about: FleetClass) => ({
  ...about,
  devices: Math.max(1, Math.round(about.devices * factor)),
});
const rates = (factor: number) => (about: FleetClass) => ({
  ...about,
  link: { ...about.link, scale: about.link.scale * factor },
});
const tails = (factor: number) => (fleet: Fleet) => ({
  ...fleet,
  gateway: { ...fleet.gateway, slowdown: fleet.gateway.slowdown * factor },
});

const VARIATIONS: readonly Variation[] = [
  { what: 'as it is' },
  { what: 'a quarter more devices', each: devices(1.25) },
  { what: 'a quarter fewer devices', each: devices(0.75) },
  { what: 'links half as fast', each: rates(0.5) },
  { what: 'links twice as fast', each: rates(2) },
  { what: 'tails take a quarter longer', fleet: tails(1.25) },
  {
    what: 'a gateway dies half way',
    failures: (gateways, seconds) =>
      gateways > 0
        ? [{ gateway: 0, atMs: warmUpMs(seconds) + 500 * seconds, backAtMs: Number.POSITIVE_INFINITY }]
        : [],
  },
];

/** Requests of each; the report's own run may be longer. */
const REQUESTS = 30_000;
const LEAST_SECONDS = 10;

export function sensitivityOf(o: CapacityOptions, gateways: readonly number[]): readonly Sensitivity[] {
  const perSecond = o.classes.reduce((sum, { about }) => sum + about.devices / about.everySeconds, 0);
  const seconds = Math.min(o.seconds, Math.max(LEAST_SECONDS, REQUESTS / perSecond));
  const count = gateways.reduce((sum, n) => sum + n, 0);
  return VARIATIONS.map(({ what, fleet: change, each, failures }) => {
    o.onProgress?.(`${what} ...`);
    const fleet = change?.(o.fleet) ?? o.fleet;
    const classes = o.classes.map((one): ClassPlan => (each ? { ...one, about: each(one.about) } : one));
    const run = simulateFleet({
      ...{ fleet, classes, gateways, random: o.makeRandom(), failures: failures?.(count, seconds) },
      ...{ warmUpMs: warmUpMs(seconds), durationMs: 1000 * seconds },
    });
    const p95Ms = Math.max(...run.classes.map(({ latency }) => latency.quantile(0.95)));
    const requests = run.classes.reduce((sum, { latency }) => sum + latency.count, 0);
    return {
      ...{ what, p95Ms, meetsSlo: p95Ms <= fleet.slo.p95Ms },
      utilisation: Math.max(0, ...fleet.regions.map(({ name }) => utilisation(run, name, fleet))),
      lateShare: run.classes.reduce((sum, { late }) => sum + late, 0) / Math.max(1, requests),
    };
  });
}

/** How many gateways each region needs: the fewest that were found with which the objective and the headroom hold in the simulation. */
import type { Fleet } from './fleet-file.ts';
import type { ClassPlan } from './fleet-plans.ts';
import { cloudArm, type FleetMode, type FleetRun, simulateFleet } from './fleet-simulation.ts';
import { idleClass } from './offered-load.ts';

export interface SizeOptions {
  readonly fleet: Fleet;
  readonly classes: readonly ClassPlan[];
  readonly mode: FleetMode;
  readonly random: () => number;
  readonly onTry?: ((text: string) => void) | undefined;
}

/** Requests of one trial; the run that a report rests on is longer. */
const TRIAL_REQUESTS = 40_000;
const TRIAL_SECONDS = { least: 8, most: 40 } as const;
const MOST_TRIALS = 16;
/** Where time is missing and not work. */
const GROWTH = 1.15;

/** Gateways of each region, in the order of the fleet; those that the fleet's file fixes stay. */
export function sizeFleet(o: SizeOptions): readonly number[] {
  const { fleet, classes } = o;
  let counts: readonly number[] = fleet.regions.map((region, r) =>
    o.mode === 'device' ? 0 : (region.gateways ?? leastOf(o, r)),
  );
  const seconds = trialSeconds(classes);
  for (let trial = 0; trial < MOST_TRIALS; trial++) {
    const run = simulateFleet({
      ...{ fleet, classes, gateways: counts, mode: o.mode, random: o.random },
      ...{ warmUpMs: warmUpMs(seconds), durationMs: 1000 * seconds },
    });
    const next = grown(o, counts, run);
    o.onTry?.(
      `${counts.join(' + ')} gateways: ${next.some((n, r) => n !== counts[r]) ? 'too few' : 'enough'}`,
    );
    if (next.every((count, r) => count === counts[r])) break;
    counts = next;
  }
  return counts;
}

/** The same gateways where all holds, more where something does not. */
export function grown(o: SizeOptions, counts: readonly number[], run: FleetRun): readonly number[] {
  return o.fleet.regions.map((_, r) => more(o, { counts, run, r }));
}

/** Devices begin with their plan alone: until they have met their gateways nothing is looked at. */
export function warmUpMs(seconds: number): number {
  return Math.max(LEAST_WARM_UP_MS, 250 * seconds);
}

const LEAST_WARM_UP_MS = 10_000;

/** The simulated time in which a trial has requests enough. */
function trialSeconds(classes: readonly ClassPlan[]): number {
  const perSecond = classes.reduce((sum, { about }) => sum + about.devices / about.everySeconds, 0);
  return Math.min(TRIAL_SECONDS.most, Math.max(TRIAL_SECONDS.least, TRIAL_REQUESTS / perSecond));
}

/** Work that is offered to idle gateways, at the best batch, with the headroom. */
function leastOf({ fleet, classes, mode }: SizeOptions, r: number): number {
  const { gateway, regions, headroom } = fleet;
  const own = classes.filter(({ region }) => region === regions[r]?.name);
  if (own.length === 0) return 0;
  const busy = own.reduce((sum, one) => {
    const { about, arms } = one;
    const cloud = cloudArm(arms);
    const { meanTailMs } = idleClass(one, mode === 'cloud' && cloud ? [cloud] : arms);
    const share = Math.min(1, ...(about.batches ?? gateway.batches).map((batch) => batch.share));
    return sum + ((about.devices / about.everySeconds) * meanTailMs * gateway.slowdown * share) / 1000;
  }, 0);
  return Math.min(gateway.maxGateways, Math.max(1, Math.ceil(busy / gateway.executors / (1 - headroom))));
}

/** As many as there are, or more where something does not hold. */
function more(
  { fleet, classes, mode }: SizeOptions,
  { counts, run, r }: { readonly counts: readonly number[]; readonly run: FleetRun; readonly r: number },
): number {
  const [region, count = 0] = [fleet.regions[r], counts[r]];
  if (region === undefined || region.gateways !== undefined || count === 0) return count;
  const used = utilisation(run, region.name, fleet);
  const limit = 1 - fleet.headroom;
  const isSlow = classes.some(
    (one, i) =>
      one.region === region.name &&
      (run.classes[i]?.latency.quantile(0.95) ?? 0) > fleet.slo.p95Ms &&
      // Where idle gateways do not help, more of them help less.
      idleClass(
        one,
        mode === 'cloud' ? [cloudArm(one.arms) ?? one.arms[0]].flatMap((a) => a ?? []) : one.arms,
      ).floorP95Ms <= fleet.slo.p95Ms,
  );
  if (used <= limit && !isSlow) return count;
  const factor = Math.max(used > limit ? used / limit : 1, isSlow ? GROWTH : 1);
  return Math.min(fleet.gateway.maxGateways, Math.max(count + 1, Math.ceil(count * factor)));
}

/** Share of the executors' time in the window that they were at work, of all gateways of a region. */
export function utilisation(run: FleetRun, region: string, { gateway }: Fleet): number {
  const own = run.gateways.filter((one) => one.region === region);
  const busyMs = own.reduce((sum, { ledger }) => sum + ledger.busyInWindowMs, 0);
  return own.length === 0 ? 0 : busyMs / (own.length * gateway.executors * run.seconds * 1000);
}

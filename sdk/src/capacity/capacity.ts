/** The capacity report: how many gateways a fleet needs, what it then takes and costs, and what would change that. */
import { brokerLoad } from './broker-load.ts';
import { costOf, type Played, trafficOf } from './capacity-costs.ts';
import { classOf, regionsOf } from './capacity-parts.ts';
import { assumptionsOf, problemsOf } from './capacity-problems.ts';
import { type CapacityReport, WORDS } from './capacity-report.ts';
import type { Fleet } from './fleet-file.ts';
import type { ClassPlan } from './fleet-plans.ts';
import { type FleetMode, simulateFleet } from './fleet-simulation.ts';
import { memoryOf } from './gateway-memory.ts';
import { sensitivityOf } from './sensitivity.ts';
import { grown, sizeFleet, warmUpMs } from './size-fleet.ts';

export interface CapacityOptions {
  readonly fleet: Fleet;
  readonly classes: readonly ClassPlan[];
  /** Of the run that the report rests on, after warming up: a quarter of it, and at least 10 s. */
  readonly seconds: number;
  /** The same seed gives the same report. */
  readonly makeRandom: () => () => number;
  readonly onProgress?: ((text: string) => void) | undefined;
}

/**
 * @throws SplitError `internal` where a simulation does not add up, `options-invalid` where memory is to be looked at and of some
 * model nobody said how large it is
 */
export function capacityOf(o: CapacityOptions): CapacityReport {
  const { fleet, classes } = o;
  const memories = fleet.regions.map(({ name }) => memoryOf(fleet, classes, name));
  const played = playMode(o, 'controller');
  const { run, gateways } = played;
  const regions = regionsOf(fleet, played, memories);
  const classCapacities = run.classes.map((tally) => classOf(fleet, tally, run.seconds));
  const broker = brokerLoad(trafficOf(run, fleet, gateways), fleet.broker);
  const problems = problemsOf(fleet, { regions, classes: classCapacities, broker });
  return {
    ...{ format: 'cutpoint-capacity', version: 1, fleet, seconds: o.seconds },
    plans: classes.map(({ about, plan }) => ({
      ...{ class: about.name, hash: plan.hash, modelDigest: plan.modelDigest },
    })),
    devices: classes.reduce((sum, { about }) => sum + about.devices, 0),
    requestsPerSecond: classCapacities.reduce((sum, one) => sum + one.requestsPerSecond, 0),
    isFeasible: problems.length === 0,
    ...{ problems, regions, classes: classCapacities, broker },
    costs: [played, playMode(o, 'device'), playMode(o, 'cloud')].map((one) => costOf(fleet, one)),
    sensitivity: sensitivityOf(o, gateways),
    laws: run.laws,
    assumptions: assumptionsOf(fleet, classes, regions),
  };
}

function playMode(o: CapacityOptions, mode: FleetMode): Played {
  const { fleet, classes, seconds, onProgress } = o;
  const size = { fleet, classes, mode, random: o.makeRandom(), onTry: onProgress };
  let gateways = sizeFleet(size);
  for (let tries = 1; ; tries++) {
    onProgress?.(`playing ${seconds} s, ${WORDS[mode]} ...`);
    const run = simulateFleet({
      ...{ fleet, classes, gateways, mode, random: o.makeRandom() },
      ...{ warmUpMs: warmUpMs(seconds), durationMs: 1000 * seconds },
    });
    // Trials are shorter: what held there may not hold here.
    const next = grown(size, gateways, run);
    if (tries === MOST_RUNS || next.every((count, r) => count === gateways[r]))
      return { mode, gateways, run };
    gateways = next;
  }
}

const MOST_RUNS = 6;

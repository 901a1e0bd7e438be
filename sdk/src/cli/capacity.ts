/** `cutpoint capacity`: gateways, queues, messages and costs of a fleet, by the real controller and the real batching on a virtual clock. */
import { dirname, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { readTrace } from '../adaptive/trace-file.ts';
import { capacityOf } from '../capacity/capacity.ts';
import type { CapacityReport } from '../capacity/capacity-report.ts';
import { type Fleet, readFleet } from '../capacity/fleet-file.ts';
import { type ClassPlan, classPlans } from '../capacity/fleet-plans.ts';
import { readPlan } from '../planner/plan-file.ts';
import { seededRandom } from '../testing/random.ts';
import { capacityPage } from './capacity-page.ts';
import { capacityText } from './capacity-text.ts';
import { readNumber } from './quantity.ts';
import { readJson, readText, readYaml } from './read-document.ts';
import { checkResultFiles, writeResult } from './result-file.ts';
import type { ExitCode, Verb, World } from './verb.ts';

interface CapacityFlags {
  readonly seconds: number;
  readonly seed: number;
  readonly out?: string;
  readonly html?: string;
  readonly json?: boolean;
}

export const capacityVerb: Verb<CapacityFlags> = { name: 'capacity', describe, run };

function describe(command: Command): void {
  command
    .description(
      'say how many gateways a fleet needs, what it then takes and costs, and what would change that',
    )
    .argument('<fleet>', 'fleet.yaml: devices, links, objective, gateways, prices')
    .addOption(
      new Option('--seconds <n>', 'simulated time that the report rests on')
        .argParser(readNumber('--seconds', { min: 5, max: 86_400 }))
        .default(60),
    )
    .addOption(
      new Option('--seed <n>', 'of the random numbers')
        .argParser(readNumber('--seed', { min: 0, max: 2 ** 32 - 1, isWhole: true }))
        .default(1),
    )
    .option('--out <file>', 'write the report as JSON')
    .option('--html <file>', 'write one self-contained page')
    .option('--json', 'the report on stdout')
    .addHelpText(
      'after',
      '\nExit code 1 where something cannot be had: the report says what, and why.\n\nExample:\n  $ cutpoint capacity fleet.yaml --html capacity.html',
    );
}

async function run(path: string, flags: CapacityFlags, world: World): Promise<ExitCode> {
  await checkResultFiles(flags);
  const { fleet, classes } = await openFleet(path);
  const report = capacityOf({
    ...{ fleet, classes, seconds: flags.seconds, makeRandom: () => seededRandom(flags.seed) },
    ...(world.showsProgress && { onProgress: (text) => world.writeError(`${text}\n`) }),
  });
  await writeFiles(report, flags, world);
  world.writeOut(flags.json ? `${JSON.stringify(report)}\n` : capacityText(report, world.hasColours));
  return report.isFeasible ? 0 : 1;
}

export interface OpenedFleet {
  readonly fleet: Fleet;
  readonly classes: readonly ClassPlan[];
}

/** A fleet's file with the plans and traces that it names. @throws SplitError `options-invalid` */
export async function openFleet(path: string): Promise<OpenedFleet> {
  const fleet = readFleet(await readYaml(path));
  const beside = (file: string) => resolve(dirname(path), file);
  const read = await Promise.all(
    fleet.classes.map(async ({ plan, link: { trace } }) => ({
      plan: readPlan(await readJson(beside(plan))),
      trace: trace === undefined ? undefined : readTrace(await readText(beside(trace))),
    })),
  );
  return { fleet, classes: classPlans(fleet, read) };
}

async function writeFiles(report: CapacityReport, { out, html }: CapacityFlags, world: World): Promise<void> {
  if (out !== undefined) await writeResult(out, `${JSON.stringify(report, null, 1)}\n`);
  if (html === undefined) return;
  const command = `cutpoint ${world.argv.join(' ')}`;
  await writeResult(html, capacityPage(report, { command, date: world.now() }));
}

/** `cutpoint simulate`: a plan on a recorded link, by the real controller and its rivals, on a virtual clock. */
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { comparePolicies } from '../adaptive/compare.ts';
import { objectiveScore } from '../adaptive/score.ts';
import { readTrace } from '../adaptive/trace-file.ts';
import { createTraceLink } from '../adaptive/trace-link.ts';
import { type Plan, readPlan } from '../planner/plan-file.ts';
import { seededRandom } from '../testing/random.ts';
import { type NumberRange, readNumber } from './quantity.ts';
import { readJson, readText } from './read-document.ts';
import { checkResultFiles, writeResult } from './result-file.ts';
import { simulatePage } from './simulate-page.ts';
import { simulateJson, simulateText } from './simulate-text.ts';
import type { Simulation } from './simulation.ts';
import type { ExitCode, Verb, World } from './verb.ts';

interface SimulateFlags {
  readonly plan: string;
  readonly trace: string;
  readonly devices: number;
  readonly everyMs: number;
  readonly scale: number;
  readonly quantile: number;
  readonly json?: boolean;
  readonly html?: string;
}

export const simulateVerb: Verb<SimulateFlags> = {
  name: 'simulate',
  describe,
  run: (_, flags, world) => run(flags, world),
};

function describe(command: Command): void {
  const number = (flag: string, words: string, range: NumberRange) =>
    new Option(`${flag} <n>`, words).argParser(readNumber(flag, range));
  command
    .description('play a plan on a recorded link, by the controller and by its rivals')
    .requiredOption('--plan <file>', 'a file that cutpoint plan wrote')
    .requiredOption('--trace <file>', 'uplink: a sample a line, `seconds Mbit/s`')
    .addOption(number('--devices', 'devices at one gateway', { min: 1, max: 1000, isWhole: true }).default(1))
    .addOption(
      number('--every-ms', 'a request so often; 0: one after the other', { min: 0, max: 3_600_000 }).default(
        200,
      ),
    )
    .addOption(number('--scale', 'multiplies every rate of the trace', { min: 1e-6, max: 1e6 }).default(1))
    .addOption(
      number('--quantile', 'how careful the link is taken: 0.5 as expected', { min: 0.5, max: 0.99 }).default(
        0.5,
      ),
    )
    .option('--json', 'one JSON document on stdout')
    .option('--html <file>', 'write one self-contained page')
    .addHelpText(
      'after',
      '\nExample:\n  $ cutpoint simulate --plan plan.json --trace bus.txt --html bus.html',
    );
}

async function run(flags: SimulateFlags, world: World): Promise<ExitCode> {
  await checkResultFiles(flags);
  const plan = readPlan(await readJson(flags.plan));
  const simulation = play(plan, readTrace(await readText(flags.trace)), flags);
  if (flags.html !== undefined) {
    const command = `cutpoint ${world.argv.join(' ')}`;
    await writeResult(flags.html, simulatePage(simulation, { command, date: world.now() }));
  }
  world.writeOut(flags.json ? simulateJson(simulation) : simulateText(simulation, world.hasColours));
  return 0;
}

function play(plan: Plan, samples: Parameters<typeof createTraceLink>[0], flags: SimulateFlags): Simulation {
  const { devices, everyMs, scale, quantile } = flags;
  const uplink = createTraceLink(samples, scale);
  const { roundTripMs, downlinkBitsPerSecond, queueMs } = plan.link;
  const results = comparePolicies({
    ...{ plan, devices, everyMs, durationMs: uplink.durationMs },
    world: { uplink, roundTripMs, downlinkBitsPerSecond, othersMs: () => queueMs },
    controller: {
      quantile,
      score: objectiveScore(plan.objective, plan.wish.models),
      ...(devices > 1 && { random: seededRandom(1) }),
    },
    deadlineMs: plan.wish.constraints.deadlineMs,
  });
  return { plan, trace: basename(flags.trace), uplink, results, devices, everyMs, scale };
}

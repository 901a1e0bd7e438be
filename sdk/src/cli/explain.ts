/** `cutpoint explain`: why an arm of a plan is the best on one link, in three sentences. */
import { type Command, Option } from 'commander';
import { explainPlan } from '../planner/explain.ts';
import { readPlan } from '../planner/plan-file.ts';
import { wrap } from '../report/wrap.ts';
import { readNumber, readRate } from './quantity.ts';
import { readJson } from './read-document.ts';
import type { ExitCode, Verb, World } from './verb.ts';

interface ExplainFlags {
  readonly at: number;
  readonly cloudSlowdown: number;
  readonly json?: boolean;
}

export const explainVerb: Verb<ExplainFlags> = { name: 'explain', describe, run: explain };

function describe(command: Command): void {
  command
    .description('say in three sentences why an arm of a plan is best on one link')
    .argument('<plan>', 'a file that cutpoint plan wrote')
    .addOption(
      new Option('--at <rate>', 'rate of the uplink').argParser(readRate('--at')).makeOptionMandatory(),
    )
    .addOption(
      new Option('--cloud-slowdown <n>', 'the cloud is so many times slower than measured')
        .argParser(readNumber('--cloud-slowdown', { min: 0.01, max: 1000 }))
        .default(1),
    )
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', '\nExample:\n  $ cutpoint explain plan.json --at 3.5Mbps --cloud-slowdown 2');
}

async function explain(path: string, flags: ExplainFlags, world: World): Promise<ExitCode> {
  const plan = readPlan(await readJson(path));
  const { at: uplinkBitsPerSecond, cloudSlowdown } = flags;
  const text = explainPlan(plan, { uplinkBitsPerSecond, cloudSlowdown });
  const document = { plan: plan.hash, uplinkBitsPerSecond, cloudSlowdown, text };
  world.writeOut(flags.json ? `${JSON.stringify(document)}\n` : `${wrap(text)}\n`);
  return 0;
}

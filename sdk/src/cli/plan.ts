/** `cutpoint plan`: which arm is best on which link, from the profiles of both machines. */
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { chooseArm } from '../planner/constraints.ts';
import { OBJECTIVES, type Objective } from '../planner/objective.ts';
import { fastestLink, planText } from '../planner/plan.ts';
import type { Plan } from '../planner/plan-file.ts';
import { wrap } from '../report/wrap.ts';
import { planPage } from './plan-page.ts';
import { buildPlan, type PlanParts, readPlanParts } from './plan-run.ts';
import { planReport } from './plan-text.ts';
import { readDuration, readRate } from './quantity.ts';
import { checkResultFiles, writeResult } from './result-file.ts';
import type { ExitCode, Verb, World } from './verb.ts';

export interface PlanFlags {
  readonly edge: string;
  readonly cloud?: string;
  readonly machines?: string;
  readonly calibrate?: string;
  readonly policy?: string;
  readonly objective?: Objective;
  readonly outputs?: 'stay';
  readonly rtt: number;
  readonly downlink: number;
  readonly region?: string;
  readonly gateway?: string;
  readonly dataClass?: string;
  readonly out?: string;
  readonly html?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

export const planVerb: Verb<PlanFlags> = { name: 'plan', describe, run: plan };

function describe(command: Command): void {
  command
    .description('say which arm is best on which link, from the profiles of both machines')
    .argument('<model>', 'the .onnx file that was profiled')
    .requiredOption('--edge <file>', 'profile of the device')
    .option('--cloud <file>', 'profile of the machine behind the gateway')
    .addOption(
      new Option(
        '--machines <file>',
        'machines.yaml: several gateways and the links between them, to place stages on; instead of --cloud',
      ).conflicts(['cloud', 'rtt', 'downlink', 'region', 'gateway']),
    )
    .option('--calibrate <path>', 'a calibration, or a folder of inputs to calibrate with now')
    .option('--policy <file>', 'policy.yaml: objective and constraints')
    .addOption(new Option('--objective <name>', "instead of the policy's").choices(OBJECTIVES))
    .addOption(
      new Option(
        '--outputs <where>',
        "besides the policy's: the last layers run on the device too, the middle in the cloud",
      ).choices(['stay']),
    )
    .addOption(
      new Option('--rtt <time>', 'round trip of an empty message')
        .argParser(readDuration('--rtt'))
        .default(20, '20ms'),
    )
    .addOption(
      new Option('--downlink <rate>', 'rate of the way back')
        .argParser(readRate('--downlink'))
        .default(20e6, '20Mbps'),
    )
    .option('--region <name>', 'where the cloud is, for a policy that names regions')
    .option(
      '--gateway <file>',
      "its signed descriptor: where it is, for a policy's placement; instead of --region",
    )
    .option('--data-class <name>', "of the data, by the policy's names")
    .option('--out <file>', 'write the plan')
    .option('--html <file>', 'write one self-contained page')
    .option('--all', 'list every arm')
    .option('--json', 'the plan on stdout')
    .addHelpText(
      'after',
      '\nExit code 1 where no arm keeps the policy.\n\nExample:\n  $ cutpoint plan model.onnx --edge edge.profile.json --cloud cloud.profile.json --out plan.json',
    );
}

async function plan(path: string, flags: PlanFlags, world: World): Promise<ExitCode> {
  await checkResultFiles(flags);
  const parts = await readPlanParts(path, flags, world);
  const refusal = whyInfeasible(parts);
  if (refusal !== undefined) {
    world.writeOut(flags.json ? `${JSON.stringify({ infeasible: refusal })}\n` : `${wrap(refusal)}\n`);
    return 1;
  }
  const made = buildPlan(parts);
  await writeFiles(made, parts, { flags, world, path });
  world.writeOut(flags.json ? planText(made) : planReport(made, { ...flags, colours: world.hasColours }));
  return 0;
}

/** The fastest link is the kindest: what no arm keeps there, none keeps anywhere. */
function whyInfeasible({ request }: PlanParts): string | undefined {
  const { arms, link, region, wish, placementOf } = request;
  const competing = arms.filter((arm) => !arm.isRefused && !placementOf?.(arm).length);
  const choice = chooseArm(competing, fastestLink(link, region), { ...wish, objective: 'latency' });
  return choice.kind === 'infeasible' ? choice.reason : undefined;
}

interface FileContext {
  readonly flags: PlanFlags;
  readonly world: World;
  readonly path: string;
}

async function writeFiles(
  made: Plan,
  { inspection }: PlanParts,
  { flags, world, path }: FileContext,
): Promise<void> {
  if (flags.out !== undefined) await writeResult(flags.out, planText(made));
  if (flags.html === undefined) return;
  const command = `cutpoint ${world.argv.join(' ')}`;
  const page = planPage(made, { file: basename(path), inspection, command, date: world.now() });
  await writeResult(flags.html, page);
}

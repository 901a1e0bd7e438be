/** `cutpoint report`: one document for reviewers, of a plan, a fleet and a policy, in which every number says where it is from. */
import { basename } from 'node:path';
import type { Command } from 'commander';
import { capacityOf } from '../capacity/capacity.ts';
import { SplitError } from '../errors.ts';
import { readPlan } from '../planner/plan-file.ts';
import { seededRandom } from '../testing/random.ts';
import { openFleet } from './capacity.ts';
import { fileDigest, readJson, readYaml } from './read-document.ts';
import { documentHtml, documentMarkdown } from './report-document.ts';
import { readLeakage } from './report-leakage.ts';
import { checkPlanKeeps } from './report-policy.ts';
import { strategyDocument } from './report-strategy.ts';
import { checkResultFiles, writeResult } from './result-file.ts';
import type { ExitCode, Verb, World } from './verb.ts';

interface ReportFlags {
  readonly fleet: string;
  readonly policy: string;
  readonly leakage?: string;
  readonly out?: string;
}

export const reportVerb: Verb<ReportFlags> = { name: 'report', describe, run };

function describe(command: Command): void {
  command
    .description(
      'write the document that reviewers read: objectives, evidence, bands, fallback, residency, capacity, costs',
    )
    .argument('<plan>', 'a file that cutpoint plan wrote')
    .requiredOption(
      '--fleet <file>',
      'fleet.yaml, as for cutpoint capacity; one of its classes has this plan',
    )
    .requiredOption('--policy <file>', 'policy.yaml: what may not be given up')
    .option('--leakage <file>', 'JSON of a leakage report')
    .option('--out <file>', 'write it: .html is one self-contained page, all else Markdown')
    .addHelpText(
      'after',
      '\nExit code 1 where something cannot be had.\n\nExample:\n  $ cutpoint report plan.json --fleet fleet.yaml --policy policy.yaml --out strategy.html',
    );
}

/** Of the simulation that the capacity rests on. */
const SECONDS = 60;
const SEED = 1;

async function run(path: string, flags: ReportFlags, world: World): Promise<ExitCode> {
  await checkResultFiles(flags);
  const plan = readPlan(await readJson(path));
  const { fleet, classes } = await openFleet(flags.fleet);
  if (!classes.some((one) => one.plan.hash === plan.hash)) {
    const text = `no class of ${flags.fleet} has plan ${plan.hash.slice(0, 12)}; they have ${classes.map((one) => one.plan.hash.slice(0, 12)).join(', ')}`;
    throw new SplitError('options-invalid', text);
  }
  const policy = await readYaml(flags.policy);
  checkPlanKeeps(plan, policy);
  const leakage = flags.leakage === undefined ? undefined : readLeakage(await readJson(flags.leakage), plan);
  const capacity = capacityOf({
    ...{ fleet, classes, seconds: SECONDS, makeRandom: () => seededRandom(SEED) },
    ...(world.showsProgress && { onProgress: (text) => world.writeError(`${text}\n`) }),
  });
  const files = [path, flags.fleet, flags.policy, ...(flags.leakage === undefined ? [] : [flags.leakage])];
  const document = strategyDocument({
    ...{ plan, capacity, policy, leakage, seed: SEED, date: world.now() },
    command: `cutpoint ${world.argv.join(' ')}`,
    digests: await Promise.all(
      files.map(async (file) => ({ file: basename(file), sha256: await fileDigest(file) })),
    ),
  });
  const isHtml = flags.out?.endsWith('.html') ?? false;
  const text = isHtml ? documentHtml(document) : documentMarkdown(document);
  if (flags.out === undefined) world.writeOut(text);
  else await writeResult(flags.out, text);
  return capacity.isFeasible ? 0 : 1;
}

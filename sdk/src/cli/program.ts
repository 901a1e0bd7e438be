/** The command line of `cutpoint`: a verb and its flags in, an exit code out. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { asSplitError, isSplitError, SplitError } from '../errors.ts';
import { auditVerb } from './audit.ts';
import { brokerConfigVerb } from './broker-config.ts';
import { bundleVerb, signVerb, verifyBundleVerb } from './bundle.ts';
import { calibrateVerb } from './calibrate.ts';
import { capacityVerb } from './capacity.ts';
import { copyAssetsVerb } from './copy-assets.ts';
import { describeGatewayVerb } from './describe-gateway.ts';
import { explainVerb } from './explain.ts';
import { inspectVerb } from './inspect.ts';
import { leakageVerb } from './leakage.ts';
import { planVerb } from './plan.ts';
import { profileVerb } from './profile.ts';
import { reportVerb } from './report.ts';
import { simulateVerb } from './simulate.ts';
import type { ExitCode, Verb, World } from './verb.ts';
import { verifyVerb } from './verify.ts';
import { watchVerb } from './watch.ts';

const VERBS: readonly Verb<never>[] = [
  inspectVerb,
  verifyVerb,
  profileVerb,
  calibrateVerb,
  planVerb,
  explainVerb,
  leakageVerb,
  simulateVerb,
  capacityVerb,
  reportVerb,
  watchVerb,
  brokerConfigVerb,
  bundleVerb,
  signVerb,
  verifyBundleVerb,
  copyAssetsVerb,
  auditVerb,
  describeGatewayVerb,
];

/** Runs one verb. Never throws. */
export async function runProgram(world: World): Promise<ExitCode> {
  try {
    return await runVerb(world);
  } catch (error) {
    const { code, message } = asSplitError(error, isOfStorage(error) ? 'storage-failed' : 'internal');
    world.writeError(`error[${code}]: ${message}\n`);
    return isSplitError(error) && code === 'options-invalid' ? 2 : 1;
  }
}

async function runVerb(world: World): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = new Command('cutpoint')
    .description('Cuts ONNX models in two: finds where, and proves that nothing changes.')
    .version(readVersion());
  for (const verb of VERBS) {
    const command = program.command(verb.name);
    verb.describe(command);
    command.action(async () => {
      const [first = '', ...others] = command.args;
      exitCode = await verb.run(first, command.opts() as never, world, others);
    });
  }
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ writeOut: world.writeOut, writeErr: () => {} });
  try {
    await program.parseAsync(world.argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    throw usageError(error, program, world.argv[0]);
  }
}

/** What a call of the system says of a file or folder. */
function isOfStorage(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'path' in error;
}

/** Of a verb what its own help says, else which verbs there are. */
function usageError(error: CommanderError, program: Command, verb: string | undefined): SplitError {
  const verbs = program.commands.map((command) => command.name());
  const wrong = error.code === 'commander.help' ? 'no verb given' : error.message.replace(/^error: /, '');
  const expected =
    verb !== undefined && verbs.includes(verb)
      ? `see cutpoint ${verb} --help`
      : `expected one of ${verbs.join(', ')} and a file; see cutpoint --help`;
  return new SplitError('options-invalid', `${wrong}; ${expected}`, { cause: error });
}

function readVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

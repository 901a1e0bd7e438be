/** The command line of `cutpoint-edge`: a verb, flags, a file and the environment in, an exit code out. */
import { readFileSync } from 'node:fs';
import { isSplitError, SplitError } from '@cutpoint/sdk';
import { type ExitCode, formatError, type Surroundings } from '@cutpoint/sdk/program';
import { Command, CommanderError } from 'commander';
import { bundleVerb } from './verbs/bundle.ts';
import { doctorVerb } from './verbs/doctor.ts';
import { initVerb } from './verbs/init.ts';
import { logsVerb } from './verbs/logs.ts';
import { rollbackVerb } from './verbs/rollback.ts';
import { runVerb } from './verbs/run.ts';
import { statusVerb } from './verbs/status.ts';
import { updateVerb } from './verbs/update.ts';
import type { AddVerb, Job } from './verbs/verb.ts';

const VERBS: readonly AddVerb[] = [
  initVerb,
  runVerb,
  doctorVerb,
  statusVerb,
  logsVerb,
  updateVerb,
  rollbackVerb,
  bundleVerb,
];

/** Runs one verb to its end. Never throws. */
export async function runProgram(world: Surroundings): Promise<ExitCode> {
  try {
    const job = parseCommandLine(world);
    return (await job?.(world)) ?? 0;
  } catch (error) {
    world.writeError(`${formatError(error)}\n`);
    return isSplitError(error) && error.code === 'options-invalid' ? 2 : 1;
  }
}

/** `undefined` when the command line only asked for help or the version. */
function parseCommandLine({ argv, writeOut }: Surroundings): Job | undefined {
  let job: Job | undefined;
  const version = readVersion();
  const program = new Command('cutpoint-edge')
    .description('Answers local applications with split inference, and by itself when the cloud is away.')
    .version(version);
  for (const add of VERBS) {
    add(program, version, (given) => {
      job = given;
    });
  }
  for (const command of withChildren(program)) {
    command.exitOverride().configureOutput({ writeOut, writeErr: () => {} });
  }
  try {
    program.parse(argv, { from: 'user' });
    return job;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    const what =
      error.code === 'commander.help' ? 'no verb was given' : error.message.replace(/^error: /, '');
    throw new SplitError('options-invalid', `${what}; expected cutpoint-edge run, see --help`, {
      cause: error,
    });
  }
}

function withChildren(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withChildren)];
}

function readVersion(): string {
  const path = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

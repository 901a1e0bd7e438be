/** The command line of `cutpoint-edge`: flags, a file and the environment in, an exit code out. */
import { readFileSync } from 'node:fs';
import { isSplitError, SplitError } from '@cutpoint/sdk';
import { type ExitCode, formatError, type Surroundings } from '@cutpoint/sdk/program';
import { Command, CommanderError, Option } from 'commander';
import { pino } from 'pino';
import { startAgent } from './agent.ts';
import { loadConfig, parseModelFlag } from './config.ts';

interface Flags {
  readonly config?: string;
  readonly broker?: string;
  readonly model?: string;
  readonly listen?: string;
  readonly device?: string;
  readonly logLevel?: string;
}

/** Runs the agent until it is asked to stop. Never throws. */
export async function runProgram(world: Surroundings): Promise<ExitCode> {
  try {
    const flags = parseCommandLine(world);
    if (flags !== undefined) await serveUntilStopped(flags, world);
    return 0;
  } catch (error) {
    world.writeError(`${formatError(error)}\n`);
    return isSplitError(error) && error.code === 'options-invalid' ? 2 : 1;
  }
}

async function serveUntilStopped(
  { config: path, model, ...flags }: Flags,
  world: Surroundings,
): Promise<void> {
  const stop = world.stopRequested();
  const models = model === undefined ? undefined : parseModelFlag(model);
  const config = await loadConfig({ path, flags: { ...flags, models } });
  const log = pino({ level: config.logLevel, base: null }, pino.destination({ dest: 2, sync: true }));
  const agent = await startAgent(config, readVersion());
  log.info({ url: agent.url, models: agent.models }, 'the agent answers');
  world.writeOut(`${JSON.stringify({ ready: true, url: agent.url, models: agent.models })}\n`);
  await stop;
  log.info('the agent stops');
  await agent.stop();
}

/** `undefined` when the command line only asked for help or the version. */
function parseCommandLine({ argv, writeOut }: Surroundings): Flags | undefined {
  let flags: Flags | undefined;
  const program = new Command('cutpoint-edge')
    .description('Answers local applications with split inference, and by itself when the cloud is away.')
    .version(readVersion());
  addRun(program, (given) => {
    flags = given;
  });
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ writeOut, writeErr: () => {} });
  }
  try {
    program.parse(argv, { from: 'user' });
    return flags;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw new SplitError(
      'options-invalid',
      `${error.message.replace(/^error: /, '')}; expected cutpoint-edge run, see --help`,
      { cause: error },
    );
  }
}

function addRun(program: Command, onRun: (flags: Flags) => void): void {
  program
    .command('run')
    .description('serve the Open Inference Protocol v2 to applications on this machine')
    .addOption(option('--config <file>', 'edge.yaml; flags win over it'))
    .addOption(option('--broker <url>', 'where the broker is, such as mqtt://127.0.0.1:1883'))
    .addOption(
      option('--model <name=path[,name=path]>', 'models, by the names under which the gateway serves them'),
    )
    .addOption(option('--listen <host:port>', 'address of the API (default 127.0.0.1:8080; port 0: any)'))
    .addOption(option('--device <id>', "this device's name on the broker (default: random)"))
    .addOption(
      option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent (default info)'),
    )
    .action((flags: Flags) => onRun(flags));
}

/** Every option can come from the environment: `--log-level` as `CUTPOINT_LOG_LEVEL`. */
function option(flags: string, description: string): Option {
  const created = new Option(flags, description);
  return created.env(`CUTPOINT_${created.name().toUpperCase().replaceAll('-', '_')}`);
}

function readVersion(): string {
  const path = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** The command line of `cutpoint-gateway`: options and environment in, an exit code out. */
import { readFileSync } from 'node:fs';
import { SplitError } from '@cutpoint/sdk';
import { type ExitCode, formatError, type Surroundings } from '@cutpoint/sdk/program';
import { Command, CommanderError, Option } from 'commander';
import { type GatewayOptions, LOG_LEVELS, resolveConfig } from './config.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { createLog } from './log.ts';

const ADVICE = {
  'options-invalid': 'cutpoint-gateway --help lists every option',
  'model-invalid': 'check that each folder under --models holds a model.onnx that ONNX Runtime loads',
  'broker-unreachable':
    'check the address and the login of --broker, or leave --broker out to use the broker inside',
  'provider-unavailable': 'install onnxruntime-node beside the gateway',
  internal: 'this is a defect; please report it with the log',
} as const;

/** Runs a gateway until it is asked to stop. Never throws. */
export async function runProgram(world: Surroundings): Promise<ExitCode> {
  try {
    const options = parseCommandLine(world);
    if (options === undefined) return 0;
    await serveUntilStopped(options, world);
    return 0;
  } catch (error) {
    world.writeError(`${formatError(error, ADVICE)}\n`);
    return error instanceof SplitError && error.code === 'options-invalid' ? 2 : 1;
  }
}

/** Asked to stop while starting, the gateway finishes its start and then stops. */
async function serveUntilStopped(options: GatewayOptions, world: Surroundings): Promise<void> {
  const stop = world.stopRequested();
  const config = resolveConfig(options);
  const gateway = await startGateway(config, createLog(config.logLevel));
  world.writeOut(`${readyLine(gateway)}\n`);
  await stop;
  await gateway.stop();
}

/** One line of JSON for the program that started this one. */
function readyLine({ brokerUrl, id, models }: Gateway): string {
  return JSON.stringify({ ready: true, broker: brokerUrl, gateway: id, models });
}

/** `undefined` when the command line only asked for help or the version. */
function parseCommandLine({ argv, writeOut }: Surroundings): GatewayOptions | undefined {
  const command = createCommand()
    .exitOverride()
    .configureOutput({ writeOut, writeErr: () => {} });
  try {
    return command.parse(argv, { from: 'user' }).opts<GatewayOptions>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw new SplitError('options-invalid', error.message.replace(/^error: /, ''), { cause: error });
  }
}

function createCommand(): Command {
  return new Command('cutpoint-gateway')
    .description('Announces ONNX models over MQTT and runs their tails for devices.')
    .version(readVersion())
    .addOption(
      option('--models <dir>', 'folder with one folder a model: DIR/NAME/model.onnx').makeOptionMandatory(),
    )
    .addOption(option('--broker <url>', 'broker beside the gateway: mqtt, mqtts, ws or wss'))
    .addOption(
      option('--listen <host:port>', 'address of the broker inside (default 127.0.0.1:1883; port 0: any)'),
    )
    .addOption(option('--id <id>', 'name of this gateway, unique at its broker (default: random)'))
    .addOption(option('--namespace <name>', 'first level of every topic (default cutpoint)'))
    .addOption(
      option('--threads <n>', 'threads of ONNX Runtime (default: what this process may use)').argParser(
        Number,
      ),
    )
    .addOption(
      option('--max-payload-mb <n>', 'largest request or reply in MiB (default 64)').argParser(Number),
    )
    .addOption(
      option('--max-queued <n>', 'requests that may wait for the runtime (default 64)').argParser(Number),
    )
    .addOption(
      option('--drain-ms <n>', 'longest wait for requests in hand when stopping (default 10000)').argParser(
        Number,
      ),
    )
    .addOption(option('--max-cuts <n>', 'cuts offered for each model (default 8)').argParser(Number))
    .addOption(option('--region <name>', 'named in the announcement'))
    .addOption(option('--log-level <level>', `one of ${LOG_LEVELS.join(', ')} (default info)`));
}

/** Every option can come from the environment: `--max-payload-mb` as `CUTPOINT_MAX_PAYLOAD_MB`. */
function option(flags: string, description: string): Option {
  const created = new Option(flags, description);
  return created.env(`CUTPOINT_${created.name().toUpperCase().replaceAll('-', '_')}`);
}

function readVersion(): string {
  const path = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** The command line of `cutpoint-gateway`: options and environment in, an exit code out. */
import { SplitError } from '@cutpoint/sdk';
import {
  type Environment,
  type ExitCode,
  environmentName,
  formatError,
  requireRecentNode,
  type Surroundings,
} from '@cutpoint/sdk/program';
import { Command, CommanderError } from 'commander';
import { doubtsOf } from './config/doubts.ts';
import { loadConfig, type OptionSources, readConfigFile } from './config/load.ts';
import { LOG_LEVELS, type OptionName } from './config/schema.ts';
import type { GatewayConfig } from './config.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { createLog } from './log.ts';
import { ownVersion } from './version.ts';

const ADVICE = {
  'options-invalid': 'cutpoint-gateway --help lists every option',
  'model-invalid': 'check that each folder under --models holds a model.onnx that ONNX Runtime loads',
  'broker-unreachable':
    'check the address and the login of --broker, or leave --broker out to use the broker inside',
  'provider-unavailable': 'install onnxruntime-node beside the gateway',
  internal: 'this is a defect; please report it with the log',
} as const;

/** Options that a flag can give; the others stand in the configuration file or in the environment. */
const FLAGS: Readonly<Partial<Record<OptionName, readonly [placeholder: string, description: string]>>> = {
  models: ['<dir>', 'folder with one folder a model: DIR/NAME/model.onnx'],
  broker: ['<url>', 'broker beside the gateway: mqtt, mqtts, ws or wss'],
  listen: ['<host:port>', 'address of the broker inside (default 127.0.0.1:1883; port 0: any)'],
  webSocket: ['<host:port>', 'a second address of the broker inside, for pages: MQTT over WebSocket'],
  devices: ['<file>', 'logins at the broker inside, and keys of devices, as YAML'],
  tlsCert: ['<file>', 'PEM: certificate of the broker inside, or for the one beside'],
  tlsKey: ['<file>', 'PEM: the key to it'],
  tlsCa: ['<file>', "PEM: who signs the other side's; inside, every client must show one"],
  http: ['<host:port>', 'address for health, metrics and the live page (default: none; port 0: any)'],
  pages: ['<dir>', 'folder of files that HTTP serves below /pages/, such as a page with sessions'],
  id: ['<id>', 'name of this gateway, unique at its broker (default: random)'],
  namespace: ['<name>', 'first level of every topic (default cutpoint)'],
  threads: ['<n>', 'threads of ONNX Runtime (default: what this process may use)'],
  maxPayloadMb: ['<n>', 'largest request or reply in MiB (default 64)'],
  maxQueued: ['<n>', 'requests that may be in the gateway at a time (default 1024)'],
  drainMs: ['<n>', 'longest wait for requests in hand when stopping (default 10000)'],
  maxCuts: ['<n>', 'cuts offered for each model (default 8)'],
  maxBatch: ['<n>', 'requests in one run of a model (default 32)'],
  decodeThreads: ['<n>', 'threads that decode frames (default half the processors less one, at most 8)'],
  keepVersions: ['<n>', 'versions of a model that are served (default 2)'],
  providers: ['<list>', 'execution providers in the order in which they are tried (default [cpu])'],
  requireProvider: ['<bool>', 'the first of providers must work (default false)'],
  gpus: ['<list>', 'numbers of graphics processors, an executor for each (default the first one)'],
  hangMs: ['<n>', 'longest run before an executor is killed and replaced (default 30000)'],
  trustedKeys: ['<file>', 'PEM file of public keys: only bundles that one has signed are served'],
  bundleCounters: ['<file>', 'where the highest counter of each bundle is kept'],
  ranksFolder: ['<dir>', 'folder for the parts of models that run on ranks'],
  executorMemoryMb: ['<n>', 'what an executor may hold of the weights of all models, in MiB'],
  tenants: ['<list>', 'who shares the gateway: name, devices, share, maxInHand, requestsPerSecond'],
  next: ['<url>', 'broker of the gateways to hand requests on to, or own (default: none)'],
  nextKeyId: ['<id>', 'which of its keys there nextKey is'],
  nextKey: ['<file>', 'key in base64url: what is handed on is sealed with it'],
  nextGatewayKeys: ['<file>', 'PEM: public keys that sign descriptors, for requests under a policy'],
  nextGatewayCounters: ['<file>', 'where the highest counter of each descriptor there is kept'],
  region: ['<name>', 'named in the announcement'],
  cloudProvider: ['<name>', 'who runs this machine, as policies name providers'],
  retentionMs: ['<n>', 'longest time that answers and references are kept after an answer'],
  descriptor: ['<file>', 'the signed descriptor that says where this gateway is'],
  audit: ['<file>', 'audit log of decisions by policies and of changes'],
  auditKey: ['<file>', 'PEM: private key that signs where the audit log ends'],
  logLevel: ['<level>', `one of ${LOG_LEVELS.join(', ')} (default info)`],
};

/** Runs a gateway until it is asked to stop, or checks a configuration file. Never throws. */
export async function runProgram(world: Surroundings, env: Environment = process.env): Promise<ExitCode> {
  try {
    const wish = parseCommandLine(world, env);
    if (wish.kind === 'check') await checkFile(wish.path, world);
    if (wish.kind === 'serve') await serveUntilStopped(await loadConfig(wish.sources), world);
    return 0;
  } catch (error) {
    world.writeError(`${formatError(error, ADVICE)}\n`);
    return error instanceof SplitError && error.code === 'options-invalid' ? 2 : 1;
  }
}

async function checkFile(path: string, { writeOut }: Surroundings): Promise<void> {
  const doubts = await doubtsOf(await readConfigFile(path));
  if (doubts.length === 0) writeOut(`${path}: nothing is wrong\n`);
  for (const doubt of doubts)
    writeOut(`${path}: unless it is given elsewhere, a gateway does not start: ${doubt}\n`);
}

/** Asked to stop while starting, the gateway finishes its start and then stops. */
async function serveUntilStopped(config: GatewayConfig, world: Surroundings): Promise<void> {
  requireRecentNode();
  const stop = world.stopRequested();
  const gateway = await startGateway(config, createLog(config.logLevel));
  world.writeOut(`${readyLine(gateway)}\n`);
  await stop;
  await gateway.stop();
}

/** One line of JSON for the program that started this one. */
function readyLine({ brokerUrl, webSocketUrl, httpUrl, id, models }: Gateway): string {
  const urls = { broker: brokerUrl, webSocket: webSocketUrl, http: httpUrl };
  return JSON.stringify({ ready: true, ...urls, gateway: id, models });
}

/** `none`: it only asked for help or the version. */
type Wish =
  | { readonly kind: 'serve'; readonly sources: OptionSources }
  | { readonly kind: 'check'; readonly path: string }
  | { readonly kind: 'none' };

function parseCommandLine({ argv, writeOut }: Surroundings, env: Environment): Wish {
  let wish: Wish = { kind: 'none' };
  const command = createCommand((chosen) => {
    wish = chosen;
  }, env);
  for (const each of [command, ...command.commands])
    each.exitOverride().configureOutput({ writeOut, writeErr: () => {} });
  try {
    command.parse(argv, { from: 'user' });
    return wish;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'none' };
    throw new SplitError('options-invalid', error.message.replace(/^error: /, ''), { cause: error });
  }
}

function createCommand(choose: (wish: Wish) => void, env: Environment): Command {
  const command = new Command('cutpoint-gateway')
    .description('Announces ONNX models over MQTT and runs their tails for devices.')
    .version(ownVersion())
    .option('--config <file>', `YAML file of options (env: ${environmentName('config')})`);
  for (const [name, [placeholder, description]] of Object.entries(FLAGS)) {
    command.option(`--${kebab(name)} ${placeholder}`, `${description} (env: ${environmentName(name)})`);
  }
  command.action(({ config, ...flags }: Record<string, string | undefined>) => {
    choose({ kind: 'serve', sources: { file: config ?? env[environmentName('config')], env, flags } });
  });
  command
    .command('check-config <file>')
    .description('say what is wrong with a YAML file of options, with line and column')
    .action((path: string) => choose({ kind: 'check', path }));
  return command;
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `cutpoint broker-config`: a broker's configuration from a devices file, a login and its own topics for each device. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { BrokerConfigOptions, ConfigFile } from '../access/broker-config.ts';
import { emqxConfig } from '../access/emqx-config.ts';
import { mosquittoConfig } from '../access/mosquitto-config.ts';
import { natsConfig } from '../access/nats-config.ts';
import { readDevices } from '../access/read-devices.ts';
import { SplitError } from '../errors.ts';
import { type ListenAddress, parseListenAddress } from '../program/listen-address.ts';
import type { ExitCode, Verb, World } from './verb.ts';

export interface BrokerConfigFlags {
  readonly devices: string;
  readonly listen?: ListenAddress;
  readonly websocket?: ListenAddress;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly plugin?: string;
  readonly out?: string;
}

export const brokerConfigVerb: Verb<BrokerConfigFlags> = { name: 'broker-config', describe, run };

function describe(command: Command): void {
  command
    .description("write a broker's configuration: a login for each device, and its own topics only")
    .argument('<broker>', 'mosquitto, emqx or nats')
    .addOption(
      new Option('--devices <file>', 'logins of devices and gateways, as YAML').makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--listen <host:port>',
        'where the broker listens (default: 127.0.0.1:1883, with --tls-cert 0.0.0.0:8883)',
      ).argParser(parseListenAddress),
    )
    .addOption(
      new Option('--websocket <host:port>', 'where browsers connect to (default: nowhere)').argParser(
        parseListenAddress,
      ),
    )
    .option('--tls-cert <path>', "the broker's certificate, as it sees the path")
    .option('--tls-key <path>', 'the key to it')
    .option(
      '--tls-ca <path>',
      'who signs the certificates of clients; each must show one, and its common name is the login',
    )
    .option(
      '--plugin <path>',
      'Mosquitto: mosquitto_dynamic_security.so (default: where this machine has it)',
    )
    .option('--out <folder>', 'write the files here (default: print them)')
    .addHelpText(
      'after',
      '\nExample:\n  $ cutpoint broker-config mosquitto --devices devices.yaml --out broker',
    );
}

async function run(broker: string, flags: BrokerConfigFlags, world: World): Promise<ExitCode> {
  const files = await filesFor(broker, flags);
  if (flags.out === undefined) {
    for (const { name, text } of files) world.writeOut(`### ${name}\n${text}\n`);
    return 0;
  }
  await mkdir(flags.out, { recursive: true });
  // They hold what logs in.
  for (const { name, text } of files) await writeFile(join(flags.out, name), text, { mode: 0o600 });
  world.writeOut(`${files.map(({ name }) => join(flags.out ?? '', name)).join('\n')}\n`);
  return 0;
}

async function filesFor(broker: string, flags: BrokerConfigFlags): Promise<readonly ConfigFile[]> {
  const options = await optionsOf(flags);
  if (broker === 'mosquitto')
    return await mosquittoConfig({ ...options, plugin: flags.plugin ?? installedPlugin() });
  if (broker === 'nats') return natsConfig(options);
  if (broker === 'emqx') return await emqxConfig(options);
  throw new SplitError('options-invalid', `broker is '${broker}'; expected mosquitto, emqx or nats`);
}

async function optionsOf(flags: BrokerConfigFlags): Promise<BrokerConfigOptions> {
  const { tlsCert: cert, tlsKey: key, tlsCa: ca } = flags;
  if ((cert === undefined) !== (key === undefined) || (ca !== undefined && cert === undefined))
    throw new SplitError('options-invalid', '--tls-cert and --tls-key go together, and --tls-ca with them');
  const devices = await readDevices(flags.devices);
  if (devices.gateways.length === 0)
    throw new SplitError(
      'options-invalid',
      `${flags.devices} names no gateways; devices could write to none`,
    );
  const address = cert === undefined ? '127.0.0.1:1883' : '0.0.0.0:8883';
  return {
    devices,
    listen: flags.listen ?? parseListenAddress(address),
    ...(flags.websocket && { websocket: flags.websocket }),
    ...(cert !== undefined && key !== undefined && { tls: { cert, key, ca } }),
    directory: resolve(flags.out ?? '.'),
  };
}

const PLUGIN = 'mosquitto_dynamic_security.so';

function installedPlugin(): string {
  const folders = ['/usr/lib', '/usr/local/lib'].filter((folder) => existsSync(folder));
  // Debian keeps libraries in a folder for each architecture.
  const inner = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const path = [...folders, ...inner]
    .map((folder) => join(folder, PLUGIN))
    .find((candidate) => existsSync(candidate));
  if (path !== undefined) return path;
  throw new SplitError(
    'options-invalid',
    `no ${PLUGIN} on this machine; say with --plugin where the broker has it`,
  );
}

/** A verb of the command line: what it is called, which flags it takes, and what it then does. */
import type { ExitCode, Surroundings } from '@cutpoint/sdk/program';
import { type Command, Option } from 'commander';
import { type AgentConfig, loadConfig, parseModelFlag } from '../config.ts';

/** @returns nothing for 0 @throws SplitError */
export type Job = (world: Surroundings) => Promise<ExitCode | undefined>;

/** Adds the verb to the program; `choose` is called with its job when it is the one asked for. */
export type AddVerb = (program: Command, version: string, choose: (job: Job) => void) => void;

export interface ConfigFlags {
  readonly config?: string;
  readonly broker?: string;
  readonly model?: string;
  readonly listen?: string;
  readonly device?: string;
  readonly state?: string;
  readonly logLevel?: string;
}

/** The flags that say what the agent is; every verb that needs a configuration takes them. */
export function addConfigFlags(command: Command): Command {
  return command
    .addOption(option('--config <file>', 'edge.yaml; flags win over it'))
    .addOption(option('--broker <url>', 'where the broker is, such as mqtt://127.0.0.1:1883'))
    .addOption(
      option('--model <name=path[,name=path]>', 'models, by the names under which the gateway serves them'),
    )
    .addOption(option('--listen <host:port>', 'address of the API (default 127.0.0.1:8080; port 0: any)'))
    .addOption(option('--device <id>', "this device's name on the broker; without one it is in no fleet"))
    .addOption(
      option('--state <folder>', 'where the agent keeps its files (default .cutpoint beside the file)'),
    )
    .addOption(
      option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent (default info)'),
    );
}

export function configOf({ config: path, model, ...flags }: ConfigFlags): Promise<AgentConfig> {
  const models = model === undefined ? undefined : parseModelFlag(model);
  const { broker, listen, device, state, logLevel } = flags;
  return loadConfig({ path, flags: { broker, listen, device, state, logLevel, models } });
}

/** Every option can come from the environment: `--log-level` as `CUTPOINT_LOG_LEVEL`. */
export function option(flags: string, description: string): Option {
  const created = new Option(flags, description);
  return created.env(`CUTPOINT_${created.name().toUpperCase().replaceAll('-', '_')}`);
}

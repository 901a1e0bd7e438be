/** Where options come from: a flag wins over the environment, that over the file, that over the default. */
import { dirname, resolve } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import { describeIssuesIn, type Environment, readEnvironment, readYamlFile } from '@cutpoint/sdk/program';
import { parse } from 'yaml';
import { type GatewayConfig, type GatewayOptions, resolveConfig } from '../config.ts';
import { PATHS } from './paths.ts';
import { FileSchema, isText, OPTION_NAMES, type OptionName } from './schema.ts';

export interface OptionSources {
  /** Path of the configuration file. */
  readonly file?: string | undefined;
  readonly env: Environment;
  /** As they stand on the command line. */
  readonly flags: Readonly<Partial<Record<OptionName, string>>>;
}

/** @throws SplitError `options-invalid`, naming file, line and column of all that is wrong in the file */
export async function loadConfig({ file, env, flags }: OptionSources): Promise<GatewayConfig> {
  const inFile = file === undefined ? {} : await readConfigFile(file);
  const above = { ...readTexts(readEnvironment(OPTION_NAMES, env)), ...readTexts(flags) };
  return resolveConfig(withoutOverruled({ ...inFile, ...above }, above));
}

/** @throws SplitError `options-invalid`, a line for everything that is wrong */
export async function readConfigFile(path: string): Promise<Partial<GatewayOptions>> {
  const file = await readYamlFile(path);
  const parsed = FileSchema.safeParse(file.value);
  if (!parsed.success)
    throw new SplitError('options-invalid', describeIssuesIn(file, parsed.error).join('\n'));
  const options = file.value as Partial<GatewayOptions>;
  if (options.broker !== undefined && options.listen !== undefined) {
    const place = file.placeOf(['listen']);
    throw new SplitError('options-invalid', `${place}: listen: broker is given too; expected one of them`);
  }
  const folder = dirname(path);
  const paths = PATHS.flatMap((name) => {
    const given = options[name];
    return given === undefined ? [] : [[name, resolve(folder, given)] as const];
  });
  return { ...options, ...Object.fromEntries(paths) };
}

function readTexts(texts: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  const entries = Object.entries(texts).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries.map(([option, text]) => [option, readText(option as OptionName, text)]));
}

/** `cuda,cpu` as well as `[cuda, cpu]`: shells make much of brackets. */
const BARE_LISTS: readonly OptionName[] = ['providers', 'gpus'];

/** What is no YAML stays a text, which the option's schema then refuses by its name. */
function readText(option: OptionName, text: string): unknown {
  if (isText(option)) return text;
  const isBare = BARE_LISTS.includes(option) && !text.trim().startsWith('[');
  try {
    return parse(isBare ? `[${text}]` : text, { maxAliasCount: 0 });
  } catch {
    return text;
  }
}

/** One kind of broker excludes the other: the file's yields to the one given above it. */
function withoutOverruled(all: Record<string, unknown>, above: Record<string, unknown>): GatewayOptions {
  const { broker, listen, ...rest } = all;
  const isOverruled = (mine: string, other: string) => !(mine in above) && other in above;
  return {
    ...rest,
    ...(broker !== undefined && !isOverruled('broker', 'listen') && { broker }),
    ...(listen !== undefined && !isOverruled('listen', 'broker') && { listen }),
  } as GatewayOptions;
}

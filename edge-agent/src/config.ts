/** What the agent is told: `edge.yaml` and the command line over it, checked once into one complete object. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import { describeIssues, isLoopback, type ListenAddress, parseListenAddress } from '@cutpoint/sdk/program';
import { parse } from 'yaml';
import { z } from 'zod';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** One model that local applications can ask for. All but the path go to its split session. */
export interface ModelConfig {
  readonly path: string;
  /** Longest time to an answer, in milliseconds. @default 2000 */
  readonly deadlineMs?: number | undefined;
  /** Shapes that bind symbolic dimensions while cuts are chosen; the gateway's cutpoint.json says the same. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>> | undefined;
  /** What answers when the cloud does not: the whole model here, or the error. @default 'local' */
  readonly fallback?: 'local' | 'none' | undefined;
  /** `stay`: the inputs themselves never leave the device. @default 'may-leave' */
  readonly inputs?: 'may-leave' | 'stay' | undefined;
  /** Cuts shallower than this share of the model are never used, 0 to 1. @default 0 */
  readonly minDepth?: number | undefined;
}

export interface AgentConfig {
  readonly broker: string;
  /** By the name under which the gateway serves the model, which is also its name here. */
  readonly models: Readonly<Record<string, ModelConfig>>;
  readonly listen: ListenAddress;
  /** This device's name on the broker. @default a random one */
  readonly device?: string | undefined;
  readonly namespace?: string | undefined;
  /** Longest wait for the requests in hand when stopping, in milliseconds. @default 10000 */
  readonly drainMs: number;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

const MODEL_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const MAX_CONFIG_BYTES = 1 << 20;

const modelSchema = z.strictObject({
  path: z.string().min(1),
  deadlineMs: z.number().positive().optional(),
  inputShapes: z.record(z.string(), z.array(z.int().min(1)).max(8)).optional(),
  fallback: z.enum(['local', 'none']).optional(),
  inputs: z.enum(['may-leave', 'stay']).optional(),
  minDepth: z.number().min(0).max(1).optional(),
});

const schema = z.strictObject({
  broker: z.string().min(1),
  models: z
    .record(
      z.string().regex(MODEL_NAME, 'expected 1 to 64 of A-Z a-z 0-9 _ . -'),
      z.union([
        z
          .string()
          .min(1)
          .transform((path) => ({ path })),
        modelSchema,
      ]),
    )
    .refine((models) => Object.keys(models).length > 0, 'expected at least one model'),
  listen: z.string().default('127.0.0.1:8080'),
  device: z.string().optional(),
  namespace: z.string().optional(),
  drainMs: z.number().min(0).max(600_000).default(10_000),
  logLevel: z.enum(LOG_LEVELS).default('info'),
});

/** A file and flags, as the command line gives them; a flag wins over the file. */
export interface ConfigSources {
  /** YAML or JSON. Paths in it are relative to its folder. */
  readonly path?: string | undefined;
  readonly flags: Readonly<Record<string, unknown>>;
}

/** @throws SplitError `options-invalid`, naming the file and every key that is wrong */
export async function loadConfig({ path, flags }: ConfigSources): Promise<AgentConfig> {
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const fromFile = path === undefined ? {} : await readYaml(path);
  const parsed = schema.safeParse({ ...fromFile, ...given });
  if (!parsed.success)
    throw new SplitError('options-invalid', `${path ?? 'options'}: ${describeIssues(parsed.error)}`);
  const { listen, models, ...rest } = parsed.data;
  const base = path === undefined || 'models' in given ? '.' : dirname(path);
  return { ...rest, listen: loopbackAddress(listen), models: resolvePaths(models, base) };
}

/** Reads `name=path[,name=path]`. @throws SplitError `options-invalid` */
export function parseModelFlag(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').map((pair): [string, string] => {
    const at = pair.indexOf('=');
    if (at > 0 && at < pair.length - 1) return [pair.slice(0, at), pair.slice(at + 1)];
    throw new SplitError(
      'options-invalid',
      `model is '${pair}'; expected NAME=PATH, more of them after commas`,
    );
  });
  return Object.fromEntries(pairs);
}

function resolvePaths(models: Readonly<Record<string, ModelConfig>>, base: string): AgentConfig['models'] {
  const entries = Object.entries(models);
  return Object.fromEntries(
    entries.map(([name, model]) => [name, { ...model, path: resolve(base, model.path) }]),
  );
}

async function readYaml(path: string): Promise<object> {
  const text = await readText(path);
  let value: unknown;
  try {
    // Aliases that expand without end are refused by the parser's own limit.
    value = parse(text);
  } catch (cause) {
    throw new SplitError('options-invalid', `${path} is not YAML: ${(cause as Error).message}`, { cause });
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new SplitError('options-invalid', `${path} holds ${typeof value}; expected a map of options`);
}

async function readText(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length <= MAX_CONFIG_BYTES) return text;
    throw new SplitError(
      'options-invalid',
      `${path} has ${text.length} bytes; the limit is ${MAX_CONFIG_BYTES}`,
    );
  } catch (cause) {
    if (cause instanceof SplitError) throw cause;
    throw new SplitError('options-invalid', `config is ${path}, which cannot be read: ${String(cause)}`, {
      cause,
    });
  }
}

/** This machine only, because the API has no login. */
function loopbackAddress(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (isLoopback(address.host)) return address;
  throw new SplitError(
    'options-invalid',
    `listen host is '${address.host}'; expected a loopback address, because the API has no login`,
  );
}

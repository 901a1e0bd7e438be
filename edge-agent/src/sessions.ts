/** Split sessions of this agent: one for each version of a model that is in use or on trial. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSplitSession, type SplitSession, type SplitSessionOptions } from '@cutpoint/sdk/node';
import { z } from 'zod';
import type { AgentConfig } from './config.ts';
import type { PolicyConfig } from './config-schema.ts';
import { readIfThere, readJson } from './disk/durable-file.ts';
import type { Login } from './login.ts';
import type { InstalledModel } from './models/model-store.ts';

export interface SessionSetting {
  readonly name: string;
  readonly installed: InstalledModel;
  /** What the fleet says; wins over the configuration. */
  readonly policy: PolicyConfig;
}

export type OpenSession = (setting: SessionSetting) => Promise<SplitSession>;

const settingsSchema = z.object({ inputs: z.record(z.string(), z.array(z.int().min(1))).optional() });

export function sessionOpener(config: AgentConfig, login: Login): OpenSession {
  return async ({ name, installed, policy }) =>
    createSplitSession(installed.modelPath, {
      ...(await optionsOf(config, login, name)),
      ...(await bundledOptions(installed)),
      ...withoutUndefined(policy),
    });
}

async function optionsOf(config: AgentConfig, login: Login, name: string): Promise<SplitSessionOptions> {
  const { path: _, labels: __, ...options } = config.models[name] ?? {};
  const { broker, device, namespace, runtime, encryption, connectTimeoutMs } = config;
  const { threads, ...provider } = runtime;
  const key = encryption && {
    keyId: encryption.keyId,
    key: (await readFile(encryption.keyFile, 'utf8')).trim(),
  };
  return {
    broker,
    model: name,
    namespace,
    connectTimeoutMs,
    ...login,
    // Two models are two connections, and a broker knows a connection by its device's name.
    device: device === undefined ? undefined : key ? device : deviceOf(device, name),
    threads,
    runtime: provider,
    encryption: key,
    ...options,
  };
}

/** What belongs to the version: its plan, and the shapes that its cuts were chosen for. */
async function bundledOptions({ folder }: InstalledModel): Promise<Partial<SplitSessionOptions>> {
  if (folder === undefined) return {};
  const plan = join(folder, 'plan.json');
  const settings = await readJson(join(folder, 'cutpoint.json'), settingsSchema);
  return {
    ...((await readIfThere(plan)) && { plan }),
    ...(settings?.inputs && { inputShapes: settings.inputs }),
  };
}

const MAX_ID_LENGTH = 64;

function deviceOf(device: string, model: string): string {
  return `${device}-${model.replaceAll('.', '_')}`.slice(0, MAX_ID_LENGTH);
}

function withoutUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Partial<T>;
}

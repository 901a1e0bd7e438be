/** Split sessions of this agent: one for each version of a model that is in use or on trial. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleCounters } from '@cutpoint/sdk/bundle';
import { modelSession } from '@cutpoint/sdk/gateway';
import {
  type AuditSink,
  createSplitSession,
  type SplitSession,
  type SplitSessionOptions,
} from '@cutpoint/sdk/node';
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
  /**
   * Whether it is on trial. What must have a gateway then has to find one with this version; a version in use starts without,
   * for power may come back before the link does.
   */
  readonly isTrial: boolean;
}

export type OpenSession = (setting: SessionSetting) => Promise<SplitSession>;

const settingsSchema = z.object({ inputs: z.record(z.string(), z.array(z.int().min(1))).optional() });

export interface OpenerMeans {
  readonly login: Login;
  /** Hears of decisions by policies, cut changes and models. */
  readonly audit?: AuditSink | undefined;
  /** The highest counter of each gateway's descriptor, one for all sessions. */
  readonly counters: BundleCounters;
}

export function sessionOpener(config: AgentConfig, { login, audit, counters }: OpenerMeans): OpenSession {
  return async ({ name, installed, policy, isTrial }) =>
    createSplitSession(installed.modelPath, {
      ...(await optionsOf(config, login, name)),
      ...(await bundledOptions(installed)),
      ...withoutUndefined(policy),
      ...(await placementOf(config, name, { installed, counters })),
      startsOffline: !isTrial,
      audit: audit && named(audit, name),
    });
}

/** The configuration's policy and the bundle's both hold. */
async function placementOf(
  config: AgentConfig,
  name: string,
  {
    installed: { folder },
    counters: gatewayCounters,
  }: { installed: InstalledModel; counters: BundleCounters },
): Promise<Pick<SplitSessionOptions, 'policy' | 'placement'>> {
  const { policy: own, dataClass } = config.models[name] ?? {};
  const bundled = folder === undefined ? undefined : join(folder, 'policy.yaml');
  const isBundled = bundled !== undefined && (await readIfThere(bundled)) !== undefined;
  const policy = [own, isBundled ? bundled : undefined].filter((path) => path !== undefined);
  if (policy.length === 0) return {};
  const gatewayKeys = config.gatewayKeys && (await readFile(config.gatewayKeys, 'utf8'));
  const placement = { dataClass, region: config.region, gatewayKeys };
  return { policy, placement: { ...withoutUndefined(placement), gatewayCounters } };
}

/** Entries of several models in one log say which it is. */
function named(audit: AuditSink, model: string): AuditSink {
  return { append: (event) => audit.append({ ...event, details: { ...event.details, session: model } }) };
}

async function optionsOf(config: AgentConfig, login: Login, name: string): Promise<SplitSessionOptions> {
  const { path: _, labels: __, policy: ___, dataClass: ____, ...options } = config.models[name] ?? {};
  const { broker, namespace, runtime, encryption, connectTimeoutMs } = config;
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
    device: sessionDevice(config, name),
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

/** A connection for each model; a key is known by the device's own name. */
export function sessionDevice(
  { device, encryption }: Pick<AgentConfig, 'device' | 'encryption'>,
  model: string,
): string | undefined {
  if (device === undefined || encryption !== undefined) return device;
  return modelSession(device, model);
}

function withoutUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Partial<T>;
}

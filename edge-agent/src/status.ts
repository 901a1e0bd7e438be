/** How the agent stands: one document, read by `cutpoint-edge status`, by the fleet and by commands. */
import type { SessionStats } from '@cutpoint/sdk/node';
import type { AgentConfig } from './config.ts';
import type { DesiredState } from './fleet/desired.ts';
import { type MachineHealth, machineHealth } from './fleet/machine.ts';
import type { ManagedModel, Models } from './models/models.ts';
import { planModeDifferences, planModeText } from './models/plan-mode.ts';
import type { UpdateOutcome } from './models/slots-file.ts';
import type { UpdateProgress } from './models/update-steps.ts';
import type { QueueState } from './queue/disk-queue.ts';

export interface ModelStatus {
  /** `undefined` while no version is here. */
  readonly version: string | undefined;
  readonly counter: number | undefined;
  /** Of the manifest; absent for the configuration's own file. */
  readonly sha256: string | undefined;
  readonly place: string | undefined;
  /** The deepest cut's id, where only the head's weights are here. */
  readonly headTo?: string;
  /** Whether the version has served long enough to be trusted. */
  readonly isConfirmed: boolean;
  /** The update on its way. */
  readonly update?: { readonly step: string; readonly version?: string; readonly reason?: string };
  /** How the last one ended. */
  readonly last?: UpdateOutcome;
}

export interface AgentStatus {
  readonly agent: string;
  readonly device: string | undefined;
  readonly upSeconds: number;
  readonly broker: 'connected' | 'away' | 'unused';
  /** What does not work, in words; empty when all does. */
  readonly degraded: readonly string[];
  readonly models: Readonly<Record<string, ModelStatus & { readonly stats: SessionStats | undefined }>>;
  readonly queues: Readonly<Record<string, Omit<QueueState, 'lastSequence'>>>;
  readonly machine: MachineHealth;
}

/** What the status is made of. */
export interface StatusParts {
  readonly config: AgentConfig;
  readonly version: string;
  readonly models: Models;
  readonly degraded: readonly string[];
  readonly startedAtMs: number;
  readonly brokerState: () => AgentStatus['broker'];
  readonly queues: () => AgentStatus['queues'];
  readonly desired: () => DesiredState | undefined;
  readonly now: () => number;
  /** Where `/sys` and others lie. @default `/` */
  readonly root?: string | undefined;
}

export async function agentStatus(parts: StatusParts): Promise<AgentStatus> {
  return {
    agent: parts.version,
    device: parts.config.device,
    upSeconds: Math.round((parts.now() - parts.startedAtMs) / 1000),
    broker: parts.brokerState(),
    degraded: [...parts.degraded, ...(await planModes(parts))],
    models: byName(parts.models, (model) => ({
      ...modelStatus(model),
      stats: model.host.current?.session.stats(),
    })),
    queues: parts.queues(),
    machine: await machineHealth(parts.root),
  };
}

async function planModes({ config, models, root }: StatusParts): Promise<readonly string[]> {
  const all = [...models.all].map(async ([name, { host }]) => {
    const { installed } = host.current ?? {};
    const differences = await planModeDifferences({ config: config.models[name], installed, root });
    return differences.length === 0
      ? []
      : [`the times that '${name}' was planned by: ${planModeText(differences)}`];
  });
  return (await Promise.all(all)).flat();
}

/** The reported document: what a fleet decides by. */
export function report({ version, degraded, models, desired }: StatusParts): object {
  return {
    agent: version,
    ...(degraded.length > 0 && { degraded }),
    models: byName(models, (model) => ({ ...modelStatus(model), policy: model.policy })),
    ...(desired() && { desired: desired() }),
  };
}

function modelStatus({ host, store, updater }: ManagedModel): ModelStatus {
  const { version, counter, sha256, place, headTo } = host.current?.installed ?? {};
  const { isConfirmed, last } = store.slots;
  const { progress } = updater;
  return {
    version,
    counter,
    sha256,
    place,
    ...(headTo !== undefined && { headTo }),
    isConfirmed,
    ...(progress && { update: updateStatus(progress) }),
    ...(last && { last }),
  };
}

function updateStatus({ step, manifest, reason }: UpdateProgress): NonNullable<ModelStatus['update']> {
  return { step, ...(manifest && { version: manifest.version }), ...(reason !== undefined && { reason }) };
}

function byName<T>({ all }: Models, statusOf: (model: ManagedModel) => T): Readonly<Record<string, T>> {
  return Object.fromEntries([...all].map(([name, model]) => [name, statusOf(model)]));
}

/** All models of this agent: what serves each, what is stored of each, and what updates each. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import { openCounters, readTrustedKeys, type TrustedKey } from '@cutpoint/sdk/bundle';
import type { AgentConfig } from '../config.ts';
import type { PolicyConfig } from '../config-schema.ts';
import type { Disk } from '../disk/disk.ts';
import { storageError } from '../disk/node-disk.ts';
import type { OpenSession } from '../sessions.ts';
import { type BlobCache, createBlobCache } from './blob-cache.ts';
import { createModelHost, type ModelHost } from './model-host.ts';
import { type InstalledModel, type ModelStore, type OpenInstalled, openModelStore } from './model-store.ts';
import { openPolicies, type Policies } from './policies.ts';
import type { UpdateOutcome } from './slots-file.ts';
import { startModel } from './start-model.ts';
import { takesHeadAlone } from './tail-weights.ts';
import { createUpdater, type Updater } from './updater.ts';

export interface ManagedModel {
  readonly name: string;
  readonly host: ModelHost;
  readonly store: ModelStore;
  readonly updater: Updater;
  readonly policy: PolicyConfig;
  /** Opens the version in use anew under that policy, without losing a run; kept across restarts. */
  setPolicy(policy: PolicyConfig): Promise<void>;
}

export interface Models {
  readonly all: ReadonlyMap<string, ManagedModel>;
  /** @throws SplitError `model-unknown` */
  find(name: string): ManagedModel;
  close(): Promise<void>;
}

export interface OpenModelsOptions {
  readonly config: AgentConfig;
  readonly disk: Disk;
  readonly openSession: OpenSession;
  /** Something about a model is not as it was: version, step, outcome. */
  readonly onChange: () => void;
  /** A version is used from now on. */
  readonly onUse?: (model: string, installed: InstalledModel) => void;
  /** An update, or a way back, has ended. */
  readonly onOutcome?: (model: string, outcome: UpdateOutcome) => void;
  readonly now: () => number;
}

/** @throws SplitError what keeps a model's last version from opening; those already open are released first */
export async function openModels(options: OpenModelsOptions): Promise<Models> {
  const { config, disk } = options;
  const shared = {
    blobs: createBlobCache(disk, join(config.state, 'blobs')),
    trustedKeys: await readKeys(config.updates.keys),
    counters: await openCounters(join(config.state, 'counters.json')),
    policies: await openPolicies(disk, join(config.state, 'policies.json')),
  };
  const all = new Map<string, ManagedModel>();
  const close = async () => {
    await Promise.all([...all.values()].map(({ updater }) => updater.stop()));
    await Promise.all([...all.values()].map(({ host }) => host.close()));
  };
  const prune = async () => {
    const needed = await Promise.all([...all.values()].map(({ store }) => store.parts()));
    await shared.blobs.prune(config.updates.cacheBytes, new Set(needed.flatMap((parts) => [...parts])));
  };
  try {
    // One after the other: a small device has not the memory to load two models at once.
    for (const name of Object.keys(config.models)) {
      all.set(name, await openManaged(name, options, { ...shared, prune }));
    }
    return { all, find: (name) => find(all, name), close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Shared {
  readonly blobs: BlobCache;
  readonly trustedKeys: readonly TrustedKey[] | undefined;
  readonly counters: Awaited<ReturnType<typeof openCounters>>;
  readonly policies: Policies;
  readonly prune: () => Promise<void>;
}

async function openManaged(name: string, o: OpenModelsOptions, shared: Shared): Promise<ManagedModel> {
  const { config, disk, now, onChange } = o;
  const { policies, trustedKeys } = shared;
  const host = createModelHost(name, (installed) => o.onUse?.(name, installed));
  const folder = join(config.state, 'models', name);
  const basePath = config.models[name]?.path;
  const onOutcome = (outcome: UpdateOutcome) => o.onOutcome?.(name, outcome);
  const store = await openModelStore({ disk, folder, basePath, trustedKeys, onOutcome });
  const open: OpenInstalled = (installed, { isTrial } = { isTrial: false }) =>
    o.openSession({ name, installed, policy: policies.of(name), isTrial });
  const loaded = await startModel({ store, open, now });
  if (loaded) await host.replace(loaded);
  const lockPath = join(config.state, 'update.lock');
  const updater = createUpdater({
    ...shared,
    host,
    store,
    config: config.updates,
    lockPath,
    open,
    takesHeadAlone: () => takesHeadAlone(config.models[name] ?? {}),
    onChange,
    now,
  });
  updater.resumeProbation();
  return {
    name,
    host,
    store,
    updater,
    get policy() {
      return policies.of(name);
    },
    async setPolicy(policy) {
      if (!(await policies.set(name, policy))) return;
      const { current } = host;
      if (current) await host.replace({ ...current, session: await open(current.installed) });
      onChange();
    },
  };
}

function find(all: Models['all'], name: string): ManagedModel {
  const model = all.get(name);
  if (model !== undefined) return model;
  throw new SplitError(
    'model-unknown',
    `model '${name}' is not here; there are ${[...all.keys()].join(', ')}`,
  );
}

async function readKeys(path: string | undefined): Promise<readonly TrustedKey[] | undefined> {
  if (path === undefined) return undefined;
  const pem = await readFile(path, 'utf8').catch((cause) => Promise.reject(storageError(path, cause)));
  return readTrustedKeys(pem);
}

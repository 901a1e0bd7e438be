/** The agent, put together by hand: models first, then the API, then what needs a broker. Only the first two must work. */
import { join } from 'node:path';
import { asSplitError, SplitError } from '@cutpoint/sdk';
import type { Transport } from '@cutpoint/sdk/gateway';
import type { FastifyInstance } from 'fastify';
import { addControl } from './api/control.ts';
import { listenOnLoopback, listenOnSocket } from './api/listen.ts';
import { createApi } from './api/server.ts';
import { type Broker, startBroker } from './broker.ts';
import type { AgentConfig } from './config.ts';
import type { Disk } from './disk/disk.ts';
import { nodeDisk } from './disk/node-disk.ts';
import { logBrokerState } from './fleet/broker-state.ts';
import { openLink } from './fleet/open-link.ts';
import { agentTopics, DEFAULT_NAMESPACE } from './fleet/topics.ts';
import { readLogin } from './login.ts';
import type { BundleSource } from './models/bundle-source.ts';
import { folderBundleSource } from './models/folder-bundle-source.ts';
import { httpBundleSource } from './models/http-bundle-source.ts';
import type { InstalledModel } from './models/model-store.ts';
import { type Models, openModels } from './models/models.ts';
import { mqttBundleSource } from './models/mqtt-bundle-source.ts';
import { planModeDifferences, planModeText } from './models/plan-mode.ts';
import type { UpdateOutcome } from './models/slots-file.ts';
import { openSessions } from './open-sessions.ts';
import type { Log } from './service/log.ts';
import { type AgentStatus, agentStatus, type StatusParts } from './status.ts';

export interface Agent {
  /** Base of the API, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly models: readonly string[];
  status(): Promise<AgentStatus>;
  /** Takes no new requests, answers those in hand for at most `drainMs`, then stops. Safe to call twice. */
  stop(): Promise<void>;
}

export interface AgentOptions {
  readonly version: string;
  readonly log: Log;
  /** @default Node's files */
  readonly disk?: Disk;
  /** Where `/sys` and others lie. @default `/` */
  readonly root?: string;
  /** The fleet asks for a restart. @default nothing */
  readonly onRestart?: () => void;
}

/** @throws SplitError `options-invalid`, `model-invalid`, `provider-unavailable`; never for a broker or a disk that is away */
export async function startAgent(config: AgentConfig, options: AgentOptions): Promise<Agent> {
  const { log, version, disk = nodeDisk() } = options;
  const now = () => Date.now();
  const startedAtMs = now();
  const degraded: string[] = [];
  let broker: Broker | undefined;
  const login = await readLogin(config);
  const sessions = await openSessions(config, login);
  const models = await openModels({
    config,
    disk,
    ...sessions,
    onUse(model, installed) {
      sessions.onUse(model, installed);
      void warnOfMode(config, { model, installed }, options);
    },
    onOutcome(model, { atMs: _, ...outcome }) {
      const isWell = outcome.outcome === 'installed' || outcome.step === 'by-hand';
      log[isWell ? 'info' : 'warn']({ model, ...outcome }, 'an update or a way back has ended');
    },
    onChange: () => broker?.changed(),
    now,
  }).catch(async (error: unknown) => {
    await sessions.close();
    throw error;
  });
  const apis: FastifyInstance[] = [];
  try {
    const create = () => {
      const api = createApi({
        find: (name) => models.find(name).host,
        isReady: () => [...models.all.values()].every(({ host }) => host.current !== undefined),
        store: (model, body) => broker?.store({ model, body }),
        version,
      });
      apis.push(api);
      return api;
    };
    const url = await listenOnLoopback(create(), config.listen);
    const link = config.device === undefined ? undefined : linkOf(config, login);
    const parts: StatusParts = {
      config,
      version,
      models,
      degraded,
      startedAtMs,
      now,
      root: options.root,
      brokerState: () => (link === undefined ? 'unused' : link.transport.isConnected ? 'connected' : 'away'),
      queues: () => broker?.queues() ?? {},
      desired: () => broker?.desired(),
    };
    const work = workOn(models, link);
    const withoutIt = async (what: string, start: () => Promise<void>) => {
      try {
        await start();
      } catch (error) {
        const { code, message } = asSplitError(error);
        degraded.push(`${what}: ${code}: ${message}`);
        log.error({ code, reason: message }, `goes on without ${what}`);
      }
    };
    if (process.platform !== 'win32') {
      const control = create();
      addControl(control, { ...work, status: () => agentStatus(parts) });
      await withoutIt('the Unix socket', async () => {
        await disk.makeFolder(join(config.socket, '..'));
        await listenOnSocket(control, config.socket);
      });
    }
    const stopTelling = link && logBrokerState(link.transport, log, config.connectTimeoutMs);
    if (link !== undefined) {
      await withoutIt('the fleet', async () => {
        broker = await startBroker({ ...options, ...link, config, disk, models, parts, work });
      });
    }
    let stopping: Promise<void> | undefined;
    const stopAll = async () => {
      await withinMs(Promise.all(apis.map((api) => api.close())), config.drainMs);
      await broker?.stop();
      stopTelling?.();
      await link?.transport.close();
      await models.close();
      await sessions.close();
    };
    return {
      url,
      models: [...models.all.keys()],
      status: () => agentStatus(parts),
      stop: () => {
        stopping ??= stopAll();
        return stopping;
      },
    };
  } catch (error) {
    await Promise.all(apis.map((api) => api.close()));
    await models.close();
    await sessions.close();
    throw error;
  }
}

async function warnOfMode(
  config: AgentConfig,
  { model, installed }: { readonly model: string; readonly installed: InstalledModel },
  { log, root }: AgentOptions,
): Promise<void> {
  const differences = await planModeDifferences({ config: config.models[model], installed, root });
  if (differences.length > 0) log.warn({ model }, planModeText(differences));
}

export interface Link {
  readonly transport: Transport;
  readonly topics: ReturnType<typeof agentTopics>;
  readonly device: string;
}

function linkOf(config: AgentConfig, login: Awaited<ReturnType<typeof readLogin>>): Link {
  const device = config.device ?? '';
  const topics = agentTopics(config.namespace ?? DEFAULT_NAMESPACE, device);
  return { transport: openLink(config, login, topics), topics, device };
}

/** What can be asked of the models from outside, by the fleet or on this machine. */
export interface ModelWork {
  update(model: string, bundle: string): Promise<UpdateOutcome>;
  rollBack(model: string): Promise<UpdateOutcome>;
  sourceOf(bundle: string): Promise<BundleSource>;
}

function workOn(models: Models, link: Link | undefined): ModelWork {
  async function sourceOf(bundle: string): Promise<BundleSource> {
    if (/^https?:/.test(bundle)) return httpBundleSource(bundle);
    if (!bundle.startsWith('mqtt:')) return folderBundleSource(bundle);
    if (link) return await mqttBundleSource(link.transport, link.topics, bundle.slice('mqtt:'.length));
    throw new SplitError('options-invalid', 'mqtt: needs `device` in the configuration');
  }
  return {
    sourceOf,
    async update(name, bundle) {
      const { updater } = models.find(name);
      const source = await sourceOf(bundle);
      return await updater.update({ source, isLocal: true }).finally(() => source.close());
    },
    rollBack: (name) => models.find(name).updater.rollBack(),
  };
}

async function withinMs(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

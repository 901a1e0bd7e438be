/** The gateway, put together by hand: what starts in which order, and stops in the reverse one. */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { SplitError, systemClock } from '@cutpoint/sdk';
import { openCounters, readTrustedKeys } from '@cutpoint/sdk/bundle';
import {
  createCodec,
  createRequestServer,
  createShardCache,
  deflateNode,
  type GatewaySeal,
  type RequestServer,
  withoutLogin,
  zstdNode,
} from '@cutpoint/sdk/gateway';
import type { GatewayConfig } from './config.ts';
import { connectGateway, type GatewayLink } from './connect.ts';
import { createDecodePool } from './decode/decode-pool.ts';
import { createInlineDecoder, type FrameDecoder } from './decode/frame-decoder.ts';
import { createGatewayEvents, type GatewayEvents } from './events.ts';
import { addInference } from './http/inference.ts';
import { addPages } from './http/pages.ts';
import { addRepository } from './http/repository-routes.ts';
import { createImageDecoder } from './image-decoder.ts';
import { openKnownDevices } from './known-devices.ts';
import { type Log, silentLog } from './log.ts';
import { logRequests } from './log-requests.ts';
import type { LoadOptions } from './models/load-version.ts';
import { createMemoryLedger } from './models/memory-ledger.ts';
import { createRepository, type ModelRepository } from './models/repository.ts';
import { createOperations } from './operations.ts';
import { createPolicyDesk, noteModels, type PolicyDesk } from './policy/desk.ts';
import { type OwnPlace, openOwnPlace } from './policy/gateway-descriptor.ts';
import { notedSeal } from './policy/noted-seal.ts';
import { openAudit } from './policy/open-audit.ts';
import { createSweptReferences } from './reference-cache.ts';
import { type Batcher, createBatcher } from './serving/batcher.ts';
import {
  type PooledExecutor,
  startExecutors,
  startRankProcess,
  startSilentProcess,
} from './serving/executor-pool.ts';
import { createTenants, type Tenants } from './serving/quota.ts';
import { createRankSets } from './serving/rank-sets.ts';
import { connectNext } from './stages/connect-next.ts';
import type { NextStage } from './stages/next-stage.ts';
import { createTailHandler } from './tail.ts';
import { createTeardown } from './teardown.ts';
import { startTraces } from './tracing/start-traces.ts';
import { ownVersion } from './version.ts';

export interface Gateway {
  readonly id: string;
  /** Where devices connect to: the broker inside, or the one given. Never holds a password. */
  readonly brokerUrl: string;
  /** Where pages connect to, by MQTT over WebSocket; absent without a door for them. */
  readonly webSocketUrl?: string | undefined;
  /** Health, inference, metrics and the live page; `undefined` where the configuration gives no address. */
  readonly httpUrl: string | undefined;
  /** Names of the models that are served. */
  readonly models: readonly string[];
  /** Loads and unloads models while it serves. */
  readonly repository: ModelRepository;
  /** What happens in it. */
  readonly events: GatewayEvents;
  /** Its executors, for those who watch over them. */
  readonly executors: readonly PooledExecutor[];
  /** Refuses new requests, answers those in hand for at most `drainMs`, then stops. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Health first, then executors and models, then the broker, then the announcement: a device that sees a gateway can use it at
 * once.
 * @throws SplitError `options-invalid`, `model-invalid`, `broker-unreachable`, `provider-unavailable`
 */
export async function startGateway(config: GatewayConfig, log: Log = silentLog()): Promise<Gateway> {
  const teardown = createTeardown(log);
  const clock = systemClock();
  const events = createGatewayEvents(log);
  const tenants = createTenants(config.tenants, clock);
  const executors: PooledExecutor[] = [];
  const batcher = createBatcher({ ...config, clock, executors, tenants, events });
  const { modelsDirectory: directory, keepVersions } = config;
  let isServing = false;
  const canRun = () => executors.some(({ runtime }) => !runtime.hasFailed);
  const isReady = () => isServing && canRun();
  try {
    if (config.tracesUrl !== undefined) {
      const { tracesUrl: url, tracesRatio: ratio, id: gatewayId } = config;
      teardown.push('traces', await startTraces({ events, clock, url, ratio, gatewayId }));
    }
    const { trail, close: closeAudit } = await openAudit(config);
    teardown.push('audit', closeAudit);
    noteModels(events, trail);
    const devices =
      config.devicesPath === undefined ? undefined : await openKnownDevices(config, config.devicesPath, log);
    if (devices) teardown.push('devices', async () => devices.close());
    devices?.onChange(() => trail.note('key-change', { change: 'the devices file was read again' }));
    const own = await openOwnPlace(config, {
      ...{ takesSeals: devices?.seal !== undefined, log },
      onChange: ({ region, counter, notAfter }) =>
        trail.note('policy-decision', { decision: 'descriptor', region, counter, notAfter }),
      onRefused: ({ message }) =>
        trail.note('policy-decision', { decision: 'descriptor refused', what: message }),
    });
    teardown.push('descriptor', async () => own.close());
    const desk = createPolicyDesk({
      ...{ place: () => own.place, trail },
      knowsSigners: config.nextGatewayKeys !== undefined,
    });
    const ranks = ranksOf(config, { executors, events, log });
    teardown.push('files of ranks', async () => ranks.cache?.close());
    const loading = { ...(await loadOptionsOf(config, executors)), log, desk, ranks };
    const repository = createRepository({ ...loading, directory, keepVersions, events });
    let httpUrl: string | undefined;
    if (config.http) {
      const operations = createOperations({
        ...{ events, clock, queue: batcher, gatewayId: config.id, maxBodyBytes: bodyLimit(config) },
        brokerUrl: brokerName(config),
        isReady,
      });
      addInference(operations.app, {
        repository,
        batcher,
        clock,
        events,
        isReady,
        desk,
        version: ownVersion(),
      });
      addRepository(operations.app, repository);
      if (config.pages !== undefined) await addPages(operations.app, config.pages);
      teardown.push('operations', () => operations.close());
      httpUrl = await operations.listen(config.http);
    }
    executors.push(...(await startExecutors({ ...config, events, log })));
    teardown.push('executors', () => closeExecutors(executors));
    await repository.loadAll();
    teardown.push('models', () => repository.close());
    const decodePool = startDecodePool(config, repository);
    teardown.push('decoding', async () => decodePool?.close());
    const link = await connectGateway(config, devices, log);
    teardown.push('connection', () => link.close());
    const next = await connectNext({ config, own: link.transport, clock, log, trail });
    if (next) teardown.push('next stages', () => next.close());
    const server = createServer({
      ...{ config, link, repository, batcher, tenants, log, events, canRun, decodePool, next },
      ...{ seal: devices?.seal && notedSeal(devices.seal, trail), own, desk },
    });
    await server.start();
    isServing = true;
    // Devices hear of a model that came or went without waiting for the next announcement.
    const stopTelling = events.on('model-changed', () => void server.announce().catch(() => {}));
    teardown.push('server', () => server.stop());
    if (next) teardown.push('telling of next stages', tellOfNext(next, server));
    teardown.push('drain', () => {
      isServing = false;
      stopTelling();
      return drainWithin(server, config.drainMs, log);
    });
    return {
      ...{ id: config.id, brokerUrl: link.url, webSocketUrl: link.webSocketUrl, httpUrl },
      ...{ repository, events, executors },
      get models() {
        return [...new Set(repository.served().map(({ name }) => name))];
      },
      stop: teardown.run,
    };
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

/** With two processors one is the runtime's and one is this thread's; beyond that threads of their own pay. */
function startDecodePool(
  { decodeThreads, retentionMs }: GatewayConfig,
  repository: ModelRepository,
): FrameDecoder | undefined {
  const threads = decodeThreads ?? Math.min(MAX_DEFAULT_DECODE_THREADS, (availableParallelism() >> 1) - 1);
  return threads > 0 ? createDecodePool({ threads, retentionMs, tables: repository.tables }) : undefined;
}

const MAX_DEFAULT_DECODE_THREADS = 8;
const MEBIBYTE = 2 ** 20;

async function loadOptionsOf(
  { trustedKeys, bundleCounters, modelsDirectory, maxCuts, maxBatch, executorMemoryMb }: GatewayConfig,
  executors: readonly PooledExecutor[],
): Promise<Omit<LoadOptions, 'log'>> {
  const memory = executorMemoryMb === undefined ? undefined : createMemoryLedger(executorMemoryMb * MEBIBYTE);
  const own = { executors, maxCuts, maxBatch, memory };
  if (trustedKeys === undefined) return own;
  const keys = readTrustedKeys(await readKeys(trustedKeys));
  const counters = await openCounters(bundleCounters ?? join(modelsDirectory, '.counters.json'));
  return { ...own, trust: { keys, counters } };
}

/** Nothing is started and no file is made before a model asks for it. */
function ranksOf(
  config: GatewayConfig,
  o: { readonly executors: readonly PooledExecutor[]; readonly events: GatewayEvents; readonly log: Log },
): NonNullable<LoadOptions['ranks']> {
  const pool = { ...config, ...o };
  const sets = createRankSets({
    executors: o.executors,
    startRank: (rank, ranks) => startRankProcess(pool, rank, ranks),
    startBeside: () => startSilentProcess(pool),
  });
  const { ranksFolder } = config;
  return { sets, ...(ranksFolder !== undefined && { cache: createShardCache(ranksFolder) }) };
}

async function readKeys(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SplitError('options-invalid', `trustedKeys is ${path}, which cannot be read`, { cause });
  }
}

interface ServerParts {
  readonly config: GatewayConfig;
  readonly link: GatewayLink;
  readonly repository: ModelRepository;
  readonly batcher: Batcher;
  readonly tenants: Tenants;
  readonly log: Log;
  readonly seal: GatewaySeal | undefined;
  readonly own: OwnPlace;
  readonly desk: PolicyDesk;
  readonly events: GatewayEvents;
  /** Absent: frames are decoded on this thread. */
  readonly decodePool: FrameDecoder | undefined;
  readonly next: NextStage | undefined;
  /** Whether any executor lives. */
  canRun(): boolean;
}

function createServer(o: ServerParts): RequestServer {
  const { config, link, repository, batcher, tenants, log, events, seal } = o;
  const clock = systemClock();
  const findTables = (id: number) => repository.tables().get(id);
  const imageDecoder = createImageDecoder();
  const codec = createCodec({ deflate: deflateNode(), zstd: zstdNode(), imageDecoder, findTables });
  const decoder =
    o.decodePool ??
    createInlineDecoder({ codec, references: createSweptReferences(clock, config.retentionMs).references });
  const findModel = (name: string, digest: string) => repository.require(name, digest);
  const { id: gatewayId, namespace, maxPayloadBytes, retentionMs } = config;
  return createRequestServer({
    transport: link.transport,
    gatewayId,
    namespace,
    clock,
    maxPayloadBytes,
    seal,
    retentionMs,
    announce: () => {
      if (!o.canRun()) return undefined;
      const { expectedWaitMs: queueMs, congestionPrice: price } = batcher;
      const models = repository
        .served()
        .filter((model) => model.canRun())
        .map(({ announcement }) => announcement);
      const { region } = o.own.place;
      const descriptor = o.own.signed;
      return {
        ...{ state: 'ready', models, maxPayloadBytes, queueMs, price },
        ...(region !== undefined && { region }),
        ...(descriptor && { descriptor }),
        ...(o.next?.isThere && { forwards: true }),
      };
    },
    handle: logRequests(
      createTailHandler({
        ...{ findModel, codec, decoder, batcher, tenants, clock, events },
        ...{ next: o.next, desk: o.desk },
      }),
      log,
    ),
  });
}

/** Devices hear at once when the last gateway to hand on to has gone, or the first has come. @returns how to stop */
function tellOfNext(next: NextStage, server: RequestServer): () => Promise<void> {
  let was = next.isThere;
  const stop = next.onChange(() => {
    const { isThere } = next;
    if (isThere === was) return;
    was = isThere;
    void server.announce().catch(() => {}); // Without a broker it is told when that is back.
  });
  return async () => stop();
}

/** As the page shows it, before the broker inside has taken its port. */
function brokerName({ brokerUrl, listen }: GatewayConfig): string {
  return brokerUrl === undefined ? `inside, ${listen?.host}:${listen?.port}` : withoutLogin(brokerUrl);
}

/** Tensors in JSON take three to five times their bytes. */
function bodyLimit({ maxPayloadBytes }: GatewayConfig): number {
  return 4 * maxPayloadBytes;
}

async function closeExecutors(executors: readonly PooledExecutor[]): Promise<void> {
  await Promise.all(executors.map(({ runtime }) => runtime.close()));
}

/** A request that takes longer than the limit is lost; its device falls back or asks again elsewhere. */
async function drainWithin(server: RequestServer, drainMs: number, log: Log): Promise<void> {
  log.info({ drainMs }, 'draining: requests in hand are finished, new ones refused');
  const giveUp = new AbortController();
  const late = systemClock()
    .sleep(drainMs, giveUp.signal)
    .then(() => log.warn({ drainMs }, 'requests in hand were not done in time'))
    .catch(() => {}); // The drain was done first.
  await Promise.race([server.drain(), late]);
  giveUp.abort();
}

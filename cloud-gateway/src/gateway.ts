/** The gateway, put together by hand: what starts in which order, and stops in the reverse one. */
import { systemClock } from '@cutpoint/sdk';
import {
  createCodec,
  createOrtNode,
  createRequestServer,
  deflateNode,
  type GatewaySeal,
  type RequestServer,
  type Runtime,
  withoutLogin,
  zstdNode,
} from '@cutpoint/sdk/gateway';
import type { GatewayConfig } from './config.ts';
import { connectGateway, type GatewayLink } from './connect.ts';
import { createGatewayEvents, type GatewayEvents } from './events.ts';
import { createImageDecoder } from './image-decoder.ts';
import { openKnownDevices } from './known-devices.ts';
import { type Log, silentLog } from './log.ts';
import { logRequests } from './log-requests.ts';
import { loadModels } from './models/load-models.ts';
import type { ServedModel } from './models/served-model.ts';
import { joinTables } from './models/tables.ts';
import { createOperations } from './operations.ts';
import { createTailHandler } from './tail.ts';
import { createTeardown } from './teardown.ts';
import { tellRequests } from './tell-requests.ts';
import { startTraces } from './tracing/start-traces.ts';
import { createWorkQueue, type WorkQueue } from './work-queue.ts';

export interface Gateway {
  readonly id: string;
  /** Where devices connect to: the broker inside, or the one given. Never holds a password. */
  readonly brokerUrl: string;
  /** Where pages connect to, by MQTT over WebSocket; absent without a door for them. */
  readonly webSocketUrl?: string | undefined;
  /** Health, metrics and the live page; `undefined` where the configuration gives no address. */
  readonly httpUrl: string | undefined;
  /** Names of the models that are served. */
  readonly models: readonly string[];
  /** Refuses new requests, answers those in hand for at most `drainMs`, then stops. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Health first, then models, then the broker, then the announcement: a device that sees a gateway can use it at once.
 * @throws SplitError `options-invalid`, `model-invalid`, `broker-unreachable`, `provider-unavailable`
 */
export async function startGateway(config: GatewayConfig, log: Log = silentLog()): Promise<Gateway> {
  const teardown = createTeardown(log);
  const clock = systemClock();
  const events = createGatewayEvents(log);
  const queue = createWorkQueue({ clock, maxQueued: config.maxQueued });
  let isServing = false;
  try {
    if (config.tracesUrl !== undefined) {
      const { tracesUrl: url, tracesRatio: ratio, id: gatewayId } = config;
      teardown.push('traces', await startTraces({ events, clock, url, ratio, gatewayId }));
    }
    let httpUrl: string | undefined;
    if (config.http) {
      const operations = createOperations({
        ...{ events, clock, queue, gatewayId: config.id, maxBodyBytes: config.maxPayloadBytes },
        brokerUrl: brokerName(config),
        isReady: () => isServing,
      });
      teardown.push('operations', () => operations.close());
      httpUrl = await operations.listen(config.http);
    }
    const runtime = await createOrtNode(config.threads === undefined ? {} : { threads: config.threads });
    teardown.push('runtime', () => runtime.close());
    const models = await loadModels(config.modelsDirectory, { runtime, maxCuts: config.maxCuts, log });
    teardown.push('models', () => closeAll(models));
    const devices =
      config.devicesPath === undefined ? undefined : await openKnownDevices(config, config.devicesPath, log);
    if (devices) teardown.push('devices', async () => devices.close());
    const link = await connectGateway(config, devices, log);
    teardown.push('connection', () => link.close());
    for (const { name: model, digest } of models.values())
      events.emit('model-changed', { model, version: '1', digest, state: 'ready' });
    events.emit('executor-changed', { executor: 'runtime', provider: providerOf(runtime), state: 'ready' });
    const server = createServer({ config, link, models, log, runtime, queue, events, seal: devices?.seal });
    await server.start();
    isServing = true;
    teardown.push('server', () => server.stop());
    teardown.push('drain', () => {
      isServing = false;
      return drainWithin(server, config.drainMs, log);
    });
    const { url: brokerUrl, webSocketUrl } = link;
    const names = [...models.keys()];
    return { id: config.id, brokerUrl, webSocketUrl, httpUrl, models: names, stop: teardown.run };
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

interface ServerParts {
  readonly config: GatewayConfig;
  readonly link: GatewayLink;
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly log: Log;
  readonly runtime: Runtime;
  readonly seal: GatewaySeal | undefined;
  readonly queue: WorkQueue;
  readonly events: GatewayEvents;
}

function createServer(parts: ServerParts): RequestServer {
  const { config, link, models, log, runtime, seal, queue, events } = parts;
  const clock = systemClock();
  const tables = joinTables([...models.values()].flatMap((model) => model.tables ?? []));
  const findTables = (id: number) => tables.get(id);
  const imageDecoder = createImageDecoder();
  const codec = createCodec({ deflate: deflateNode(), zstd: zstdNode(), imageDecoder, findTables });
  const tail = createTailHandler({ models, codec, queue, clock });
  const told = tellRequests(tail, { events, models, queue, clock, provider: providerOf(runtime) });
  const { id: gatewayId, namespace, maxPayloadBytes, region } = config;
  const announced = [...models.values()].map(({ announcement }) => announcement);
  return createRequestServer({
    transport: link.transport,
    gatewayId,
    namespace,
    clock,
    maxPayloadBytes,
    seal,
    announce: () => {
      if (runtime.hasFailed) return undefined;
      const queueMs = queue.expectedWaitMs;
      const place = region === undefined ? {} : { region };
      const price = queue.congestionPrice;
      return { state: 'ready', models: announced, maxPayloadBytes, queueMs, price, ...place };
    },
    handle: logRequests(told, log),
  });
}

/** As the page shows it, before the broker inside has taken its port. */
function brokerName({ brokerUrl, listen }: GatewayConfig): string {
  return brokerUrl === undefined ? `inside, ${listen?.host}:${listen?.port}` : withoutLogin(brokerUrl);
}

function providerOf({ provider = 'cpu' }: Runtime): string {
  return provider;
}

async function closeAll(models: ReadonlyMap<string, ServedModel>): Promise<void> {
  await Promise.all([...models.values()].map((model) => model.close()));
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

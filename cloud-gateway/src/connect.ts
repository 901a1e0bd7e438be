/** How the gateway reaches its devices: the broker inside, without a socket between, or a broker beside it. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SplitError } from '@cutpoint/sdk';
import { connectMqtt, offlineWill, type Transport, withoutLogin } from '@cutpoint/sdk/gateway';
import { isLoopback, type ListenAddress } from '@cutpoint/sdk/program';
import { createAedesTransport } from './broker/aedes-transport.ts';
import { startBroker } from './broker/broker.ts';
import type { GatewayConfig, TlsPaths } from './config.ts';
import type { KnownDevices } from './known-devices.ts';
import type { Log } from './log.ts';

export interface GatewayLink {
  readonly transport: Transport;
  /** The broker's address as devices use it, without a password. */
  readonly url: string;
  /** The same for pages, where the broker inside has a door for them. */
  readonly webSocketUrl?: string | undefined;
  close(): Promise<void>;
}

/**
 * @param devices whose logins hold at the broker inside; without them it takes everybody on this machine
 * @throws SplitError `broker-unreachable`, `options-invalid`
 */
export async function connectGateway(
  config: GatewayConfig,
  devices: KnownDevices | undefined,
  log: Log,
): Promise<GatewayLink> {
  const { brokerUrl, listen } = config;
  if (brokerUrl !== undefined) return await connectBeside(config, brokerUrl, log);
  if (listen !== undefined) return await startInside({ config, listen, devices, log });
  throw new TypeError('a resolved configuration has a broker or an address to listen on');
}

/** A part is 64 KiB unless its sender was told otherwise, an announcement 256 KiB at most. */
const MAX_MESSAGE_BYTES = 1 << 20;

interface InsideParts {
  readonly config: GatewayConfig;
  readonly listen: ListenAddress;
  readonly devices: KnownDevices | undefined;
  readonly log: Log;
}

async function startInside({ config, listen, devices, log }: InsideParts): Promise<GatewayLink> {
  const { ca, cert, key } = await readPem(config.tls);
  const broker = await startBroker({
    listen,
    webSocket: config.webSocket,
    webOrigins: config.webOrigins,
    ...(cert !== undefined && key !== undefined && { tls: { cert, key, ca } }),
    ...(devices && { access: { devices: () => devices.index } }),
    maxMessageBytes: MAX_MESSAGE_BYTES,
    onClientError: (client, error) =>
      log.debug({ client }, `connection to the broker failed: ${error.message}`),
  });
  devices?.onChange(broker.dropUnknown);
  const { url, webSocketUrl } = broker;
  log.info({ url, webSocketUrl, hasLogins: devices !== undefined }, 'the broker inside is listening');
  if (cert === undefined && !isLoopback(listen.host))
    log.warn({ url }, 'without --tls-cert passwords and payloads cross the network in the clear');
  const transport = createAedesTransport(broker.aedes);
  return {
    transport,
    url,
    webSocketUrl,
    async close() {
      await transport.close();
      await broker.close();
    },
  };
}

async function connectBeside(
  { id, namespace, tls: paths }: GatewayConfig,
  brokerUrl: string,
  log: Log,
): Promise<GatewayLink> {
  const will = offlineWill({ namespace, gatewayId: id });
  const tls = await readPem(paths);
  const transport = await connectMqtt({
    url: brokerUrl,
    clientId: clientId(id, brokerUrl, tls.key),
    will,
    tls,
  });
  const url = withoutLogin(brokerUrl);
  transport.onStateChange((state) => log[state === 'lost' ? 'warn' : 'info']({ url }, `broker ${state}`));
  return { transport, url, close: () => transport.close() };
}

/**
 * The same after a restart, so that the broker takes the old connection for dead at once; and nobody without the gateway's
 * secret can guess it, because a second connection of one id ends the first.
 */
function clientId(id: string, brokerUrl: string, key: string | undefined): string {
  const secret = new URL(brokerUrl).password || key;
  if (!secret) return id;
  return `${id}-${createHash('sha256').update(`${id}\n${secret}`).digest('hex').slice(0, 24)}`;
}

async function readPem(paths: TlsPaths = {}): Promise<{ cert?: string; key?: string; ca?: string }> {
  const files = Object.entries(paths).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(
    await Promise.all(files.map(async ([name, path]) => [name, await readText(path)])),
  );
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SplitError('options-invalid', `${path} cannot be read: ${cause}`, { cause });
  }
}

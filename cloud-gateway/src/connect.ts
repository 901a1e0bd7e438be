/** How the gateway reaches its devices: the broker inside, without a socket between, or a broker beside it. */
import { connectMqtt, offlineWill, type Transport, withoutLogin } from '@cutpoint/sdk/gateway';
import type { ListenAddress } from '@cutpoint/sdk/program';
import { createAedesTransport } from './aedes-transport.ts';
import { startBroker } from './broker.ts';
import type { GatewayConfig } from './config.ts';
import type { Log } from './log.ts';

export interface GatewayLink {
  readonly transport: Transport;
  /** The broker's address as devices use it, without a password. */
  readonly url: string;
  /** The same for pages, where the broker inside has a door for them. */
  readonly webSocketUrl?: string | undefined;
  close(): Promise<void>;
}

/** @throws SplitError `broker-unreachable`, `options-invalid` */
export async function connectGateway(config: GatewayConfig, log: Log): Promise<GatewayLink> {
  const { brokerUrl, listen } = config;
  if (brokerUrl !== undefined) return await connectBeside(config, brokerUrl, log);
  if (listen !== undefined) return await startInside(config, listen, log);
  throw new TypeError('a resolved configuration has a broker or an address to listen on');
}

/** A message holds a payload or a chunk of it, and a header. */
const HEADER_ROOM_BYTES = 1 << 16;

async function startInside(config: GatewayConfig, listen: ListenAddress, log: Log): Promise<GatewayLink> {
  const broker = await startBroker({
    listen,
    webSocket: config.webSocket,
    webOrigins: config.webOrigins,
    maxMessageBytes: config.maxPayloadBytes + HEADER_ROOM_BYTES,
    onClientError: (client, error) =>
      log.debug({ client }, `connection to the broker failed: ${error.message}`),
  });
  log.info({ url: broker.url }, 'the broker inside is listening, for this machine only');
  const transport = createAedesTransport(broker.aedes);
  return {
    transport,
    url: broker.url,
    webSocketUrl: broker.webSocketUrl,
    async close() {
      await transport.close();
      await broker.close();
    },
  };
}

async function connectBeside(
  { id, namespace }: GatewayConfig,
  brokerUrl: string,
  log: Log,
): Promise<GatewayLink> {
  const will = offlineWill({ namespace, gatewayId: id });
  const transport = await connectMqtt({ url: brokerUrl, clientId: id, will });
  const url = withoutLogin(brokerUrl);
  transport.onStateChange((state) => log[state === 'lost' ? 'warn' : 'info']({ url }, `broker ${state}`));
  return { transport, url, close: () => transport.close() };
}

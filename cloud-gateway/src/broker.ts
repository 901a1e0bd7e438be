/** The MQTT broker inside the gateway: no other program is needed to begin. MQTT 3.1.1, one gateway, this machine only. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { SplitError, systemClock } from '@cutpoint/sdk';
import { addressUrl, isLoopback, type ListenAddress } from '@cutpoint/sdk/program';
import { Aedes, type PublishPacket } from 'aedes';
import { createWebSocketDoor } from './web-socket-door.ts';

export interface BrokerOptions {
  readonly listen: ListenAddress;
  /** A second address, for MQTT over WebSocket: pages speak nothing else. Under the same rule as `listen`. */
  readonly webSocket?: ListenAddress | undefined;
  /** Origins of pages that may connect there, besides pages of this machine. */
  readonly webOrigins?: readonly string[] | undefined;
  /** Largest message that a client may publish, in bytes. */
  readonly maxMessageBytes: number;
  /** Told of a broken connection or a refused message; never of ordinary traffic. */
  readonly onClientError?: (clientId: string, error: Error) => void;
}

export interface EmbeddedBroker {
  /** With the port that was really taken. */
  readonly url: string;
  /** `ws://127.0.0.1:8083`, where `webSocket` was given. */
  readonly webSocketUrl?: string;
  /** For the in-process transport. */
  readonly aedes: Aedes;
  /** Ends every connection and frees the port. Safe to call twice. */
  close(): Promise<void>;
}

// One client that stops reading stalls the delivery to all the others until it is dropped.
const DRAIN_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Longest wait for clients to take what was sent to them and hang up, when the broker stops. */
const LINGER_MS = 1_000;
const MAX_CONNECTIONS = 1_024;
const MAX_CLIENT_ID_LENGTH = 128;
const MAX_TOPIC_LEVELS = 10;

/**
 * Without a login the broker answers this machine only.
 * @throws SplitError `options-invalid` for another host, `broker-unreachable` when the port cannot be taken
 */
export async function startBroker(options: BrokerOptions): Promise<EmbeddedBroker> {
  const { listen, webSocket } = options;
  for (const { host } of webSocket ? [listen, webSocket] : [listen]) refuseOthers(host);
  const aedes = await createAedes(options);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    aedes.handle(socket);
  });
  server.maxConnections = MAX_CONNECTIONS;
  try {
    const port = await listenOn(server, listen);
    // A connection that could not be accepted, for want of descriptors: the others go on.
    server.on('error', (error) => options.onClientError?.('not connected', error));
    const url = addressUrl('mqtt', { host: listen.host, port });
    const pages = webSocket && (await openWebSocket(aedes, webSocket, options));
    const close = async () => {
      await pages?.close();
      await closeBroker(aedes, server, sockets);
    };
    return { url, ...(pages && { webSocketUrl: pages.url }), aedes, close };
  } catch (error) {
    server.close();
    await closeAedes(aedes);
    throw error;
  }
}

function refuseOthers(host: string): void {
  if (isLoopback(host)) return;
  throw new SplitError(
    'options-invalid',
    `listen host is '${host}'; expected a loopback address, because the broker inside the gateway has no login. For devices elsewhere run a broker with logins and TLS and give its URL as broker`,
  );
}

async function openWebSocket(
  aedes: Aedes,
  listen: ListenAddress,
  { maxMessageBytes, webOrigins }: BrokerOptions,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const door = createWebSocketDoor(aedes, { maxMessageBytes, origins: webOrigins });
  const server = createHttpServer((_request, response) => {
    response.writeHead(426, { upgrade: 'websocket', connection: 'close' }).end('MQTT over WebSocket only\n');
  });
  server.on('upgrade', door.upgrade);
  server.maxConnections = MAX_CONNECTIONS;
  const port = await listenOn(server, listen);
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await door.close(LINGER_MS);
    server.closeAllConnections();
    await closed;
  };
  return { url: addressUrl('ws', { host: listen.host, port }), close };
}

async function createAedes({ maxMessageBytes, onClientError }: BrokerOptions): Promise<Aedes> {
  const aedes = await Aedes.createBroker({
    drainTimeout: DRAIN_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxClientsIdLength: MAX_CLIENT_ID_LENGTH,
    maxTopicLevels: MAX_TOPIC_LEVELS,
    authorizePublish: (_client, packet, done) => done(refusal(packet, maxMessageBytes)),
  });
  const report = (client: { readonly id: string } | null, error: Error) =>
    onClientError?.(client?.id ?? 'unknown', error);
  aedes.on('clientError', report);
  aedes.on('connectionError', report);
  return aedes;
}

function refusal(packet: PublishPacket, maxMessageBytes: number): Error | null {
  if (packet.topic.startsWith('$')) return new Error(`topic ${packet.topic} is the broker's own`);
  const bytes = packet.payload.length;
  return bytes > maxMessageBytes ? new Error(`message of ${bytes} bytes exceeds ${maxMessageBytes}`) : null;
}

async function listenOn(server: Server, { host, port }: ListenAddress): Promise<number> {
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SplitError(
      'broker-unreachable',
      `the broker cannot listen on ${host}:${port}: ${why}; give another port, or 0 for any`,
      { cause },
    );
  }
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : port;
}

/** Half-closes first, so that replies still in the sockets arrive; who does not hang up in time is cut off. */
async function closeBroker(aedes: Aedes, server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  if (aedes.closed) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of sockets) socket.end();
  const giveUp = new AbortController();
  const late = systemClock().sleep(LINGER_MS, giveUp.signal);
  late.catch(() => {}); // All have hung up.
  await Promise.race([closed, late]);
  giveUp.abort();
  await closeAedes(aedes);
  for (const socket of sockets) socket.destroy();
  await closed;
}

function closeAedes(aedes: Aedes): Promise<void> {
  return new Promise((resolve) => aedes.close(() => resolve()));
}

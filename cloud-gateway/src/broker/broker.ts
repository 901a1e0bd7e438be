/** The MQTT broker inside the gateway: no other program is needed to begin. MQTT 3.1.1, one gateway. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { SplitError, systemClock } from '@cutpoint/sdk';
import { addressUrl, isLoopback, type ListenAddress } from '@cutpoint/sdk/program';
import { Aedes, type PublishPacket } from 'aedes';
import { type BrokerAccess, enforceAccess } from './broker-access.ts';
import { type BrokerTls, type Door, openDoor, openWebDoor } from './listener.ts';
import { guardPackets } from './packet-guard.ts';

export interface BrokerOptions {
  readonly listen: ListenAddress;
  /** A second address, for MQTT over WebSocket: pages speak nothing else. Under the same rule as `listen`. */
  readonly webSocket?: ListenAddress | undefined;
  /** Origins of pages that may connect there, besides pages of this machine. */
  readonly webOrigins?: readonly string[] | undefined;
  /** For both. @default in the clear */
  readonly tls?: BrokerTls | undefined;
  /** Who may log in, and what each may do. @default everybody everything, and then on this machine only */
  readonly access?: BrokerAccess | undefined;
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
  /** Ends the connections of logins that are no longer known. */
  dropUnknown(): void;
  /** Ends every connection and frees the ports. Safe to call twice. */
  close(): Promise<void>;
}

// One client that stops reading stalls the delivery to all the others until it is dropped.
const DRAIN_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Longest wait for clients to take what was sent to them and hang up, when the broker stops. */
const LINGER_MS = 1_000;
const MAX_CLIENT_ID_LENGTH = 128;
const MAX_TOPIC_LEVELS = 10;
/** A CONNECT with a will; it comes before the login. */
const MAX_CONNECT_BYTES = 1 << 16;
/** Topic and packet id, besides the message. */
const PUBLISH_ROOM_BYTES = 1 << 16;

/**
 * Without logins the broker answers this machine only.
 * @throws SplitError `options-invalid` for another host, `broker-unreachable` when a port cannot be taken
 */
export async function startBroker(options: BrokerOptions): Promise<EmbeddedBroker> {
  const { listen, webSocket, access } = options;
  for (const { host } of webSocket ? [listen, webSocket] : [listen]) if (!access) checkIsLocal(host);
  const aedes = await createAedes(options);
  const dropUnknown = access ? enforceAccess(aedes, access) : () => {};
  const limits = { firstBytes: MAX_CONNECT_BYTES, bytes: options.maxMessageBytes + PUBLISH_ROOM_BYTES };
  const door = {
    tls: options.tls,
    maxMessageBytes: limits.bytes,
    onConnection: (stream: Duplex, request?: IncomingMessage) => {
      guardPackets(stream, limits);
      aedes.handle(stream, request);
    },
    onError: (error: Error) => options.onClientError?.('not connected', error),
  };
  const doors: Door[] = [];
  try {
    doors.push(await openDoor({ ...door, listen }));
    if (webSocket) {
      const pages = { origins: options.webOrigins, lingerMs: LINGER_MS };
      doors.push(await openWebDoor({ ...door, ...pages, listen: webSocket }));
    }
    return { ...urls(options, doors), aedes, dropUnknown, close: () => closeBroker(aedes, doors) };
  } catch (error) {
    await closeBroker(aedes, doors);
    throw error;
  }
}

function checkIsLocal(host: string): void {
  if (isLoopback(host)) return;
  throw new SplitError(
    'options-invalid',
    `listen host is '${host}'; expected a loopback address, because the broker inside the gateway has no logins. For devices elsewhere give it a devices file, or run a broker with logins and give its URL as broker`,
  );
}

function urls({ listen, webSocket, tls }: BrokerOptions, [door, webDoor]: readonly Door[]) {
  const url = addressUrl(tls ? 'mqtts' : 'mqtt', { host: listen.host, port: door?.port ?? 0 });
  if (!webSocket || !webDoor) return { url };
  const port = webDoor.port;
  return { url, webSocketUrl: addressUrl(tls ? 'wss' : 'ws', { host: webSocket.host, port }) };
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

/** Half-closes first, so that replies still in the sockets arrive; who does not hang up in time is cut off. */
async function closeBroker(aedes: Aedes, doors: readonly Door[]): Promise<void> {
  if (aedes.closed) return;
  const closed = Promise.all(doors.map((door) => door.close()));
  for (const door of doors) door.endAll();
  const giveUp = new AbortController();
  const late = systemClock().sleep(LINGER_MS, giveUp.signal);
  late.catch(() => {}); // All have hung up.
  await Promise.race([closed, late]);
  giveUp.abort();
  await closeAedes(aedes);
  for (const door of doors) door.destroyAll();
  await closed;
}

function closeAedes(aedes: Aedes): Promise<void> {
  return new Promise((resolve) => aedes.close(() => resolve()));
}

/** The doors of the broker inside: MQTT over TCP or TLS, and over WebSocket for browsers. */
import { once } from 'node:events';
import {
  createServer as createHttp,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import { createServer as createTcp, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTls } from 'node:tls';
import { SplitError } from '@cutpoint/sdk';
import type { ListenAddress } from '@cutpoint/sdk/program';
import { createWebSocketDoor } from './web-socket-door.ts';

/** PEM. With `ca` every client must show a certificate that it signed. */
export interface BrokerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string | undefined;
}

export interface DoorOptions {
  readonly listen: ListenAddress;
  readonly tls?: BrokerTls | undefined;
  readonly maxMessageBytes: number;
  /** @param request how a WebSocket began */
  readonly onConnection: (stream: Duplex, request?: IncomingMessage) => void;
  /** A connection that could not be accepted, or that spoke no TLS: the others go on. */
  readonly onError: (error: Error) => void;
}

export interface Door {
  /** That was really taken. */
  readonly port: number;
  /** Takes no more connections; resolves when the last is gone. */
  close(): Promise<void>;
  /** Half-closes every connection, so that what is in the sockets still arrives. */
  endAll(): void;
  destroyAll(): void;
}

const MAX_CONNECTIONS = 1_024;

/** @throws SplitError `broker-unreachable` when the port cannot be taken, `options-invalid` for a certificate that is none */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const server = secured<Server>(options.tls, {
    plain: () => createTcp({ noDelay: true }, (socket) => options.onConnection(socket)),
    tls: (tls) => createTls({ ...tls, noDelay: true }, (socket) => options.onConnection(socket)),
  });
  return await listenAt(server, options);
}

export interface WebDoorOptions extends DoorOptions {
  readonly origins?: readonly string[] | undefined;
  /** Longest wait for pages to hang up. */
  readonly lingerMs: number;
}

/** @throws SplitError as openDoor */
export async function openWebDoor(options: WebDoorOptions): Promise<Door> {
  const pages = createWebSocketDoor(options);
  const refuse = (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(426, { upgrade: 'websocket', connection: 'close' }).end('MQTT over WebSocket only\n');
  };
  const server = secured<HttpServer | HttpsServer>(options.tls, {
    plain: () => createHttp({ noDelay: true }, refuse),
    tls: (tls) => createHttps({ ...tls, noDelay: true }, refuse),
  });
  server.on('upgrade', pages.upgrade);
  const door = await listenAt(server, options);
  // Pages are told, and their sockets end after that.
  return { ...door, endAll: () => void pages.close(options.lingerMs) };
}

function secured<S extends Server>(
  tls: BrokerTls | undefined,
  make: { readonly plain: () => S; readonly tls: (options: object) => S },
): S {
  if (tls === undefined) return make.plain();
  const mutual = tls.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  try {
    return make.tls({ ...tls, ...mutual });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SplitError('options-invalid', `the broker's certificate or key cannot be used: ${why}`, {
      cause,
    });
  }
}

async function listenAt(server: Server, { listen, onError }: DoorOptions): Promise<Door> {
  const sockets = new Set<Socket>();
  // Below TLS and WebSocket, so that every connection counts.
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', onError);
  server.maxConnections = MAX_CONNECTIONS;
  const port = await listenOn(server, listen);
  server.on('error', onError);
  let closed: Promise<void> | undefined;
  return {
    port,
    close: () => {
      closed ??= new Promise((resolve) => server.close(() => resolve()));
      return closed;
    },
    endAll: () => {
      for (const socket of sockets) socket.end();
    },
    destroyAll: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
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

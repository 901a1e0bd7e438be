/** MQTT over WebSocket for pages: a second door to the broker inside, open to pages of this machine unless told otherwise. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { isLoopback } from '@cutpoint/sdk/program';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';

export interface WebSocketDoorOptions {
  readonly onConnection: (stream: Duplex, request: IncomingMessage) => void;
  /** Largest WebSocket message, in bytes. */
  readonly maxMessageBytes: number;
  /**
   * Origins of pages that may connect, as `https://app.example`, besides those of this machine: any page that somebody
   * here looks at could otherwise use the broker.
   */
  readonly origins?: readonly string[] | undefined;
}

export interface WebSocketDoor {
  /** For the `upgrade` event of an HTTP server. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Says goodbye to every page; who does not answer within `lingerMs` is cut off. Safe to call twice. */
  close(lingerMs: number): Promise<void>;
}

/** By the specification's names, the newer first. */
const PROTOCOLS = ['mqtt', 'mqttv3.1'];
const GOING_AWAY = 1001;

export function createWebSocketDoor(options: WebSocketDoorOptions): WebSocketDoor {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxMessageBytes,
    // Activations are packed already.
    perMessageDeflate: false,
    handleProtocols: (offered) => PROTOCOLS.find((name) => offered.has(name)) ?? false,
  });
  const onSocket = (socket: WebSocket, request: IncomingMessage) => {
    const stream = createWebSocketStream(socket);
    // A page that goes away without a goodbye: the broker hears of the stream's end.
    stream.on('error', () => {});
    options.onConnection(stream, request);
  };
  return {
    upgrade(request, socket, head) {
      if (isAllowed(request, options.origins ?? [])) server.handleUpgrade(request, socket, head, onSocket);
      else refuse(socket);
    },
    close: (lingerMs) => closeAll(server, lingerMs),
  };
}

/** Programs send no origin; a page cannot leave it out. */
function isAllowed({ headers: { origin } }: IncomingMessage, origins: readonly string[]): boolean {
  if (origin === undefined || origins.includes(origin)) return true;
  const host = URL.canParse(origin) ? new URL(origin).hostname.replace(/^\[|\]$/g, '') : '';
  return isLoopback(host);
}

function refuse(socket: Duplex): void {
  socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
}

async function closeAll(server: WebSocketServer, lingerMs: number): Promise<void> {
  const sockets = [...server.clients];
  const gone = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  for (const socket of sockets) socket.close(GOING_AWAY);
  const cutOff = setTimeout(() => {
    for (const socket of sockets) socket.terminate();
  }, lingerMs);
  await Promise.all(gone);
  clearTimeout(cutOff);
}

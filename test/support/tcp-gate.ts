/** A TCP pass-through in front of a broker, so that a test can end connections as a network does. */
import { connect, createServer, type Socket } from 'node:net';

export interface TcpGate {
  readonly port: number;
  /** Connections that passed so far. */
  readonly connections: number;
  /** Ends what is open, without a goodbye; new connections pass. */
  sever(): void;
  close(): Promise<void>;
}

/** @param port of its own; 0: any */
export async function openGate(targetPort: number, port = 0): Promise<TcpGate> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ noDelay: true }, (near) => {
    connections += 1;
    const far = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      // An error of one side shows as the end of both.
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  const sever = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    get connections() {
      return connections;
    },
    sever,
    close: async () => {
      sever();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

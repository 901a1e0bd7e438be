/** An aedes broker on a free port of the loopback, for tests. */
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';

export interface AedesBroker {
  readonly url: string;
  readonly port: number;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface AedesOptions {
  /** Refuses every login but this one. */
  readonly password?: string;
}

export async function startAedes(options: AedesOptions = {}): Promise<AedesBroker> {
  let running = await open(0, options);
  const { port } = running;
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    restart: async () => {
      await running.close();
      running = await open(port, options);
    },
    close: () => running.close(),
  };
}

async function open(port: number, { password }: AedesOptions) {
  const broker = await Aedes.createBroker();
  if (password)
    broker.authenticate = (_client, _name, given, done) => done(null, given?.toString() === password);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    broker.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await new Promise<void>((resolve) => broker.close(() => resolve()));
  };
  return { port: portOf(server), close };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

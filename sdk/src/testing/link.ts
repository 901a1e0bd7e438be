/**
 * A link emulator for tests and demonstrations: a TCP proxy on loopback with the rate, delay, jitter and outages
 * of a real link. Needs no rights. All connections share one queue in each direction, as behind one router.
 * Not emulated: packet loss, TCP's slow start, and the round trip of opening a connection.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Lane } from './link-lane.ts';
import { type LinkOptions, resolveLinkOptions } from './link-options.ts';
import { type Flow, Pump } from './link-pump.ts';
import { seededRandom } from './random.ts';

export type { LinkOptions } from './link-options.ts';

export interface CreateLinkOptions {
  /** Where connections go on: a broker's port. */
  readonly targetPort: number;
  /** @default '127.0.0.1' */
  readonly targetHost?: string;
  /** From who connects to the target. */
  readonly uplink: LinkOptions;
  /** From the target to who connects. */
  readonly downlink: LinkOptions;
  /** For the jitter. @default 1 */
  readonly seed?: number;
}

export interface Link {
  /** Connect here, on 127.0.0.1, in place of the target. */
  readonly port: number;
  /** Bytes that have arrived at the target. */
  readonly uplinkBytes: number;
  /** Bytes that have arrived at those who connected. */
  readonly downlinkBytes: number;
  /** Changes what is given, at once, for connections old and new. @throws SplitError `options-invalid` */
  set(options: { readonly uplink?: LinkOptions; readonly downlink?: LinkOptions }): void;
  /** Darkens both directions, or ends that. Connections stay, and bytes under way are late, not lost. */
  blackout(on: boolean): void;
  /**
   * Leaves the present connections half-open: neither end is told, and nothing of theirs passes any more.
   * New connections work. It is what a device meets that changed its network.
   */
  strand(): void;
  /** Ends all connections and frees the port. Safe to call twice. */
  close(): Promise<void>;
}

/** @throws SplitError `options-invalid` */
export async function createLink(options: CreateLinkOptions): Promise<Link> {
  const { targetPort, targetHost = '127.0.0.1', seed = 1 } = options;
  const uplane = new Lane<Flow>(options.uplink, seededRandom(seed), performance.now());
  const downlane = new Lane<Flow>(options.downlink, seededRandom(seed + 1), performance.now());
  const up = new Pump(uplane);
  const down = new Pump(downlane);
  const sockets = new Set<Socket>();
  // Half-open sockets, so that the end of one direction travels the link like any byte.
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ port: targetPort, host: targetHost, noDelay: true, allowHalfOpen: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    up.attach({ source: near, destination: far, stranded: false });
    down.attach({ source: far, destination: near, stranded: false });
  });
  const port = await listen(server);

  const set: Link['set'] = ({ uplink = {}, downlink = {} }) => {
    resolveLinkOptions(downlink); // so that both change, or neither
    uplane.configure(uplink, performance.now());
    downlane.configure(downlink, performance.now());
    up.run();
    down.run();
  };
  const close = async () => {
    up.stop();
    down.stop();
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return {
    port,
    get uplinkBytes() {
      return up.deliveredBytes;
    },
    get downlinkBytes() {
      return down.deliveredBytes;
    },
    set,
    blackout: (on) => set({ uplink: { blackout: on }, downlink: { blackout: on } }),
    strand: () => {
      up.strand();
      down.strand();
    },
    close,
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}

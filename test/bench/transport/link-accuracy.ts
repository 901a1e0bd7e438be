/** How far the link emulator is from what it was set to: its rate over two seconds of bytes, and what it adds to a delay. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createLink } from '../../../sdk/src/testing/link.ts';
import { median } from '../statistics.ts';

const RATES = [1e6, 5e6, 20e6, 100e6];
const SPAN_SECONDS = 2;
const DELAY_MS = 20;
const ROUND_TRIPS = 40;

export async function measureLink(): Promise<{ linkRateError: number; linkDelayErrorMs: number }> {
  const far = await listen();
  try {
    const errors: number[] = [];
    for (const rate of RATES) errors.push(Math.abs((await rateThrough(far, rate)) / rate - 1));
    return {
      linkRateError: Math.max(...errors),
      linkDelayErrorMs: (await roundTripThrough(far)) - 2 * DELAY_MS,
    };
  } finally {
    far.server.close();
  }
}

interface Far {
  readonly server: Server;
  readonly port: number;
  /** Told of each piece that arrives. */
  onBytes: (bytes: number, socket: Socket) => void;
}

async function listen(): Promise<Far> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (piece) => far.onBytes(piece.length, socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const far: Far = { server, port, onBytes: () => {} };
  return far;
}

/** Bits a second between the first and the last piece that arrive. */
async function rateThrough(far: Far, bitsPerSecond: number): Promise<number> {
  const leg = { bitsPerSecond, delayMs: DELAY_MS };
  const link = await createLink({ targetPort: far.port, uplink: leg, downlink: leg });
  const socket = connect({ port: link.port, host: '127.0.0.1', noDelay: true });
  const wanted = (bitsPerSecond / 8) * SPAN_SECONDS;
  const rate = new Promise<number>((resolve) => {
    let [first, firstMs, total] = [0, 0, 0];
    far.onBytes = (bytes) => {
      if (total === 0) [first, firstMs] = [bytes, performance.now()];
      total += bytes;
      if (total >= wanted) resolve(((total - first) * 8_000) / (performance.now() - firstMs));
    };
  });
  socket.write(new Uint8Array(wanted));
  const measured = await rate;
  socket.destroy();
  await link.close();
  return measured;
}

async function roundTripThrough(far: Far): Promise<number> {
  const leg = { bitsPerSecond: 100e6, delayMs: DELAY_MS };
  const link = await createLink({ targetPort: far.port, uplink: leg, downlink: leg });
  const socket = connect({ port: link.port, host: '127.0.0.1', noDelay: true });
  far.onBytes = (_, back) => void back.write(new Uint8Array(1));
  const times: number[] = [];
  for (let round = 0; round < ROUND_TRIPS; round++) {
    const startMs = performance.now();
    const answered = new Promise((resolve) => socket.once('data', resolve));
    socket.write(new Uint8Array(1));
    await answered;
    times.push(performance.now() - startMs);
  }
  socket.destroy();
  await link.close();
  return median(times);
}

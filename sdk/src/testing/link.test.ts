// On the wall clock, since that is what the emulator is for. Bounds leave room for a busy machine; a run that
// was disturbed is repeated.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createLink, type Link, type LinkOptions } from './link.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** A server behind a link that is alike both ways. */
async function linkTo(serve: (socket: Socket) => void, options: LinkOptions): Promise<Link> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on('error', () => {}));
    serve(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const link = await createLink({ targetPort: portOf(server), uplink: options, downlink: options });
  stops.push(() => link.close());
  return link;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function client(link: Link): Promise<Socket> {
  const socket = connect({ port: link.port, host: '127.0.0.1', noDelay: true });
  stops.push(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

const echo = (socket: Socket) => void socket.pipe(socket);

/** Reads exactly `length` bytes; the rest of the test sends no more than that. */
async function read(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  while (bytes < length) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks);
}

/** Milliseconds until the server has had `bytes` and said so. */
async function uploadMs(socket: Socket, bytes: number): Promise<number> {
  const startMs = performance.now();
  socket.write(Buffer.alloc(bytes));
  await once(socket, 'data');
  return performance.now() - startMs;
}

/** Answers with a byte after each `bytes` received. */
function counter(bytes: number): (socket: Socket) => void {
  return (socket) => {
    let left = bytes;
    socket.on('data', (chunk) => {
      left -= chunk.length;
      if (left > 0) return;
      left += bytes;
      socket.write('.');
    });
  };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a link', () => {
  it.each([
    { mbit: 1, bytes: 60_000 },
    { mbit: 20, bytes: 1_000_000 },
    { mbit: 100, bytes: 5_000_000 },
  ])('passes $bytes bytes at $mbit Mbit/s', { retry: 3 }, async ({ mbit, bytes }) => {
    const link = await linkTo(counter(bytes), { bitsPerSecond: mbit * 1e6, delayMs: 5 });
    const ms = (await uploadMs(await client(link), bytes)) - 10;
    expect((bytes * 8) / (ms * 1000) / mbit).toBeGreaterThan(0.92);
    expect((bytes * 8) / (ms * 1000) / mbit).toBeLessThan(1.08);
    expect([link.uplinkBytes, link.downlinkBytes]).toEqual([bytes, 1]);
  });

  it('takes twice the delay for a round trip', { retry: 3 }, async () => {
    const link = await linkTo(echo, { bitsPerSecond: 20e6, delayMs: 20 });
    const socket = await client(link);
    const trips: number[] = [];
    for (let trip = 0; trip < 9; trip++) trips.push(await uploadMs(socket, 1));
    const medianMs = trips.sort((a, b) => a - b)[4] ?? 0;
    expect(medianMs).toBeGreaterThan(39);
    expect(medianMs).toBeLessThan(43);
  });

  it('carries the data of several connections unharmed both ways', async () => {
    const link = await linkTo(echo, { bitsPerSecond: 200e6, delayMs: 3, jitterMs: 3 });
    const digests = await Promise.all(
      Array.from({ length: 5 }, async (_, index) => {
        const data = randomBytes(200_000 + index);
        const socket = await client(link);
        socket.write(data);
        return [data, await read(socket, data.length)].map((bytes) =>
          createHash('sha1').update(bytes).digest('hex'),
        );
      }),
    );
    for (const [sent, received] of digests) expect(received).toBe(sent);
    expect(link.uplinkBytes).toBe(1_000_010);
    expect(link.downlinkBytes).toBe(1_000_010);
  });

  it('changes its rate while a transfer is under way', { retry: 3 }, async () => {
    const link = await linkTo(counter(500_000), { bitsPerSecond: 10e6 }); // 400 ms, were it to stay so
    const upload = uploadMs(await client(link), 500_000);
    await sleep(100);
    link.set({ uplink: { bitsPerSecond: 100e6 } });
    const ms = await upload;
    expect(ms).toBeGreaterThan(115);
    expect(ms).toBeLessThan(180);
  });

  it('passes nothing in a blackout, and the rest afterwards over the same connection', async () => {
    const link = await linkTo(echo, { bitsPerSecond: 20e6, delayMs: 2 });
    const socket = await client(link);
    await uploadMs(socket, 1);
    link.blackout(true);
    const answer = read(socket, 3);
    socket.write('abc');
    await sleep(60);
    expect([link.uplinkBytes, link.downlinkBytes]).toEqual([1, 1]);
    link.blackout(false);
    expect((await answer).toString()).toBe('abc');
  });

  it('passes on the end of one direction and leaves the other open', async () => {
    const link = await linkTo((socket) => void socket.on('end', () => socket.end('bye')).resume(), {
      delayMs: 2,
    });
    const socket = await client(link);
    socket.end('hello');
    expect((await read(socket, 3)).toString()).toBe('bye');
    expect(link.uplinkBytes).toBe(5);
  });

  it('passes on a reset', async () => {
    const link = await linkTo((socket) => void socket.on('data', () => socket.resetAndDestroy()), {
      delayMs: 2,
    });
    const socket = await client(link);
    const failed = new Promise((resolve) => socket.on('error', resolve));
    socket.write('x');
    expect(await failed).toMatchObject({ code: 'ECONNRESET' });
  });

  it('leaves stranded connections half-open while new ones work', async () => {
    let ended = 0;
    const link = await linkTo((socket) => void echo(socket.on('end', () => ended++)), { delayMs: 1 });
    const old = await client(link);
    await uploadMs(old, 1);
    link.strand();
    old.destroy();
    await uploadMs(await client(link), 1);
    await sleep(20);
    expect(ended).toBe(0);
  });

  it('ends a connection whose target is not there', async () => {
    const gone = await linkTo(echo, {});
    await gone.close();
    const link = await createLink({ targetPort: gone.port, uplink: {}, downlink: {} });
    stops.push(() => link.close());
    const socket = connect(link.port, '127.0.0.1');
    const error = await new Promise((resolve) => socket.on('error', resolve));
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });

  it('frees its port when closed, twice if need be', async () => {
    const link = await linkTo(echo, {});
    const socket = await client(link);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    await link.close();
    await link.close();
    await closed;
    const again = createServer().listen(link.port, '127.0.0.1');
    await once(again, 'listening');
    again.close();
  });

  it('changes neither direction when one of the two is not valid', async () => {
    const link = await linkTo(echo, { bitsPerSecond: 20e6 });
    const set = () => link.set({ uplink: { blackout: true }, downlink: { delayMs: -5 } });
    expect(set).toThrow(expect.objectContaining({ code: 'options-invalid' }));
    expect(await uploadMs(await client(link), 1)).toBeGreaterThan(0);
  });
});

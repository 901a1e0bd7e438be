import { createServer, Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { startAedes } from '../../../test/support/aedes.ts';
import { mosquittoMissing, startMosquitto } from '../../../test/support/mosquitto.ts';
import { openGate, type TcpGate } from '../../../test/support/tcp-gate.ts';
import { connectMqtt, openMqtt } from './mqtt.ts';
import { type SuiteBroker, transportSuite } from './suite.ts';
import type { Transport } from './transport.ts';

interface Broker {
  readonly port: number;
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Each connection goes through a gate of its own, so that it can be severed. */
async function behindGates(broker: Broker, protocolVersion: 4 | 5): Promise<SuiteBroker> {
  const gates = new Map<Transport, TcpGate>();
  return {
    connect: async (options) => {
      const gate = await openGate(broker.port);
      const url = `mqtt://127.0.0.1:${gate.port}`;
      const transport = await connectMqtt({ url, protocolVersion, reconnectMs: 20, ...options });
      gates.set(transport, gate);
      return transport;
    },
    sever: async (transport) => gates.get(transport)?.sever(),
    restart: () => broker.restart(),
    close: async () => {
      await Promise.all([...gates.values()].map((gate) => gate.close()));
      await broker.close();
    },
  };
}

const skipReason = mosquittoMissing();
transportSuite('MQTT.js on aedes', async () => behindGates(await startAedes(), 4));
transportSuite('MQTT.js on Mosquitto, MQTT 3.1.1', async () => behindGates(await startMosquitto(), 4), {
  skipReason,
});
transportSuite('MQTT.js on Mosquitto, MQTT 5', async () => behindGates(await startMosquitto(), 5), {
  skipReason,
});

test('a broker that is not there is named, without the password', async () => {
  const failure = connectMqtt({ url: 'mqtt://someone:secret@127.0.0.1:1', connectTimeoutMs: 2_000 });
  await expect(failure).rejects.toMatchObject({
    code: 'broker-unreachable',
    message: expect.stringMatching(/^mqtt:\/\/127\.0\.0\.1:1.*ECONNREFUSED/),
  });
});

test('a login that is refused is told, and the right one works', async () => {
  const broker = await startAedes({ password: 'right' });
  try {
    const wrong = connectMqtt({ url: broker.url, username: 'a', password: 'wrong' });
    await expect(wrong).rejects.toMatchObject({ code: 'broker-unreachable', message: /refused/ });
    const transport = await connectMqtt({ url: broker.url, username: 'a', password: 'right' });
    expect(transport.isConnected).toBe(true);
    await transport.close();
  } finally {
    await broker.close();
  }
});

test('a server that never answers is given up after connectTimeoutMs', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const failure = connectMqtt({ url: `mqtt://127.0.0.1:${port}`, connectTimeoutMs: 100 });
  await expect(failure).rejects.toMatchObject({ code: 'broker-unreachable' });
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

test('a url that is none is an invalid option', async () => {
  await expect(connectMqtt({ url: 'not a url' })).rejects.toMatchObject({ code: 'options-invalid' });
});

test('an opened transport connects once the broker is there, with what was subscribed before', async () => {
  const broker = await startAedes();
  const { url } = broker;
  await broker.close();
  const transport = openMqtt({ url, reconnectMs: 20 });
  const seen: number[] = [];
  await transport.subscribe('a/b', (_, payload) => seen.push(payload.length));
  await expect(transport.publish('a/b', new Uint8Array(1))).rejects.toMatchObject({
    code: 'broker-unreachable',
  });
  await broker.restart();
  await expect.poll(() => transport.isConnected).toBe(true);
  await transport.publish('a/b', new Uint8Array(3));
  await expect.poll(() => seen).toEqual([3]);
  await transport.close();
  await broker.close();
});

test('Nagle is switched off on the first socket and on that of every reconnect', async () => {
  const broker = await startAedes();
  const gate = await openGate(broker.port);
  const switched = new Set<number>();
  const { setNoDelay: original } = Socket.prototype;
  const setNoDelay = vi.spyOn(Socket.prototype, 'setNoDelay').mockImplementation(function (this: Socket, on) {
    if (on && this.remotePort === gate.port) switched.add(this.localPort ?? 0);
    return original.call(this, on);
  });
  const transport = await connectMqtt({ url: `mqtt://127.0.0.1:${gate.port}`, reconnectMs: 20 });
  expect(switched.size).toBe(1);
  gate.sever();
  await expect.poll(() => switched.size).toBe(2);
  setNoDelay.mockRestore();
  await transport.close();
  await gate.close();
  await broker.close();
});

test.skipIf(skipReason !== undefined)(
  'the packet limit of an MQTT 5 broker holds before anything is sent',
  async () => {
    const broker = await startMosquitto({ maxPacketBytes: 10_000 });
    const transport = await connectMqtt({ url: broker.url, protocolVersion: 5 });
    expect(transport.maxPacketBytes).toBe(10_000);
    await expect(transport.publish('a', new Uint8Array(10_000))).rejects.toMatchObject({
      code: 'payload-too-large',
    });
    await transport.publish('a', new Uint8Array(9_900));
    expect(transport.isConnected).toBe(true);
    await transport.close();
    await broker.close();
  },
);

import { connectMqtt } from '@cutpoint/sdk/gateway';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type BrokerOptions, type EmbeddedBroker, startBroker } from './broker.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };
const brokers: EmbeddedBroker[] = [];
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close();
});

describe('MQTT over WebSocket', () => {
  it('carries large messages between a page and a device on TCP, both ways', async () => {
    const broker = await start();
    const [page, device] = [
      await connectMqtt({ url: urlOf(broker) }),
      await connectMqtt({ url: broker.url }),
    ];
    const [toPage, toDevice] = [once(page, 'to/page'), once(device, 'to/device')];
    await Promise.all([toPage.subscribed, toDevice.subscribed]);
    await page.publish('to/device', new Uint8Array(500_000).fill(7));
    await device.publish('to/page', new Uint8Array(400_000).fill(8));
    expect([(await toDevice.payload).length, (await toPage.payload)[9]]).toEqual([500_000, 8]);
    await Promise.all([page.close(), device.close()]);
  });

  it.each([
    ['https://elsewhere.example', 403],
    ['null', 403],
    ['http://localhost:5173', 101],
    ['http://[::1]:8080', 101],
    ['https://app.example', 101],
  ])('answers a page of %s with %i', async (origin, status) => {
    const broker = await start({ webOrigins: ['https://app.example'] });
    const socket = new WebSocket(urlOf(broker), 'mqtt', { origin });
    const answer = await new Promise((resolve) => {
      socket.once('open', () => resolve(101));
      socket.once('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('error', () => {});
    });
    expect(answer).toBe(status);
    socket.terminate();
  });

  it('tells who asks for a page what it is', async () => {
    const response = await fetch(urlOf(await start()).replace('ws:', 'http:'));
    expect([response.status, await response.text()]).toEqual([426, 'MQTT over WebSocket only\n']);
  });

  it('refuses to listen where others could reach it', async () => {
    const webSocket = { host: '0.0.0.0', port: 0 };
    const starting = startBroker({ listen: ANY_PORT, webSocket, maxMessageBytes: 1024 });
    await expect(starting).rejects.toMatchObject({ code: 'options-invalid' });
  });

  it('frees both ports when its second address is taken', async () => {
    const { port } = new URL(urlOf(await start()));
    const free = Number(new URL((await start()).url).port);
    await brokers.pop()?.close();
    const listen = { ...ANY_PORT, port: free };
    const taken = startBroker({
      listen,
      webSocket: { ...ANY_PORT, port: Number(port) },
      maxMessageBytes: 1024,
    });
    await expect(taken).rejects.toMatchObject({ code: 'broker-unreachable' });
    brokers.push(await startBroker({ listen, maxMessageBytes: 1024 }));
  });

  it('says goodbye to pages when the broker stops', async () => {
    const broker = await start();
    const socket = new WebSocket(urlOf(broker), 'mqtt');
    await new Promise((resolve) => socket.once('open', resolve));
    const code = new Promise((resolve) => socket.once('close', resolve));
    await broker.close();
    expect(await code).toBe(1001);
  });
});

async function start(options: Partial<BrokerOptions> = {}): Promise<EmbeddedBroker> {
  const broker = await startBroker({
    listen: ANY_PORT,
    webSocket: ANY_PORT,
    maxMessageBytes: 1 << 20,
    ...options,
  });
  brokers.push(broker);
  return broker;
}

function urlOf({ webSocketUrl }: EmbeddedBroker): string {
  if (webSocketUrl === undefined) throw new Error('the broker has no door for pages');
  return webSocketUrl;
}

function once(transport: Awaited<ReturnType<typeof connectMqtt>>, topic: string) {
  let subscribed: Promise<unknown> = Promise.resolve();
  const payload = new Promise<Uint8Array>((resolve) => {
    subscribed = transport.subscribe(topic, (_topic, given) => resolve(given));
  });
  return { payload, subscribed };
}

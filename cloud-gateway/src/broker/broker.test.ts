import { connect } from 'node:net';
import { connectMqtt } from '@cutpoint/sdk/gateway';
import { afterEach, describe, expect, it } from 'vitest';
import { createAedesTransport } from './aedes-transport.ts';
import { type EmbeddedBroker, startBroker } from './broker.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };
const brokers: EmbeddedBroker[] = [];
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close();
});

describe('the broker inside the gateway', () => {
  it('refuses to listen where others could reach it without a login', async () => {
    const starting = startBroker({ listen: { host: '0.0.0.0', port: 0 }, maxMessageBytes: 1024 });
    await expect(starting).rejects.toMatchObject({ code: 'options-invalid' });
  });

  it('says so when its port is taken', async () => {
    const broker = await start();
    const port = Number(new URL(broker.url).port);
    const second = startBroker({ listen: { ...ANY_PORT, port }, maxMessageBytes: 1024 });
    await expect(second).rejects.toMatchObject({
      code: 'broker-unreachable',
      message: expect.stringContaining(String(port)),
    });
  });

  it('carries messages between the transport inside and a client outside, both ways', async () => {
    const broker = await start();
    const inside = createAedesTransport(broker.aedes);
    const outside = await connectMqtt({ url: broker.url });
    const answer = new Promise<string>((resolve) => {
      void outside.subscribe('to/client', (_topic, payload) => resolve(text(payload)));
    });
    await inside.subscribe('to/gateway/+', (topic, payload) => {
      void inside.publish('to/client', bytes(`${topic}: ${text(payload)}`));
    });
    await outside.publish('to/gateway/1', bytes('hello'));
    expect(await answer).toBe('to/gateway/1: hello');
    await outside.close();
  });

  it('drops a client that sends a message over the limit, and the others stay', async () => {
    const broker = await start({ maxMessageBytes: 1024 });
    const [big, small] = [await connectMqtt({ url: broker.url }), await connectMqtt({ url: broker.url })];
    const states: string[] = [];
    small.onStateChange((state) => states.push(state));
    const dropped = new Promise<string>((resolve) => big.onStateChange(resolve));
    await big.publish('topic', new Uint8Array(2048)).catch(() => {});
    expect(await dropped).toBe('lost');
    await small.publish('topic', new Uint8Array(1024));
    expect(states).toEqual([]);
    await Promise.all([big.close(), small.close()]);
  });

  it('lets a client have what was sent before the stop', async () => {
    const broker = await start();
    const inside = createAedesTransport(broker.aedes);
    const outside = await connectMqtt({ url: broker.url });
    const received = new Promise<number>((resolve) => {
      void outside
        .subscribe('large', (_topic, payload) => resolve(payload.length))
        .then(() => {
          void inside.publish('large', new Uint8Array(12_000_000));
          setImmediate(() => void broker.close());
        });
    });
    expect(await received).toBe(12_000_000);
    await outside.close();
  });

  it('survives bytes that are no MQTT', async () => {
    const broker = await start();
    const socket = connect(Number(new URL(broker.url).port), '127.0.0.1');
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.end(Buffer.alloc(64, 0xff));
    socket.resume();
    await closed;
    const client = await connectMqtt({ url: broker.url });
    expect(client.isConnected).toBe(true);
    await client.close();
  });

  it('frees its port when closed, twice if need be', async () => {
    const broker = await start();
    const port = Number(new URL(broker.url).port);
    const client = await connectMqtt({ url: broker.url });
    await broker.close();
    await broker.close();
    await client.close();
    brokers.push(await startBroker({ listen: { ...ANY_PORT, port }, maxMessageBytes: 1024 }));
  });
});

describe('the transport to the broker inside', () => {
  it('hands retained messages to later subscribers and hides the broker’s own topics', async () => {
    const transport = createAedesTransport((await start()).aedes);
    await transport.publish('st/1', bytes('ready'), { retain: true });
    const seen: string[] = [];
    await transport.subscribe('#', (topic) => seen.push(topic));
    await connectMqtt({ url: brokers[0]?.url ?? '' }).then((client) => client.close());
    expect(seen).toEqual(['st/1']);
  });

  it('delivers nothing after a subscription is closed', async () => {
    const transport = createAedesTransport((await start()).aedes);
    const seen: string[] = [];
    const subscription = await transport.subscribe('a', (topic) => seen.push(topic));
    await transport.publish('a', bytes('1'));
    await subscription.close();
    await transport.publish('a', bytes('2'));
    expect(seen).toEqual(['a']);
  });

  it('is closed for publishing once closed, and lost once the broker stops', async () => {
    const broker = await start();
    const [closed, lost] = [createAedesTransport(broker.aedes), createAedesTransport(broker.aedes)];
    await closed.close();
    await expect(closed.publish('a', bytes('x'))).rejects.toMatchObject({ code: 'closed' });
    const states: string[] = [];
    lost.onStateChange((state) => states.push(state));
    await broker.close();
    expect(lost.isConnected).toBe(false);
    expect(states).toContain('lost');
    await expect(lost.publish('a', bytes('x'))).rejects.toMatchObject({ code: 'broker-unreachable' });
  });
});

async function start({ maxMessageBytes = 1 << 20 } = {}): Promise<EmbeddedBroker> {
  const broker = await startBroker({ listen: ANY_PORT, maxMessageBytes });
  brokers.push(broker);
  return broker;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

import {
  connectMqtt,
  createDeviceIndex,
  type DeviceIndex,
  type MqttOptions,
  type Transport,
} from '@cutpoint/sdk/gateway';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseDevices } from '../../../sdk/src/access/devices.ts';
import { type Certificates, makeAuthority, opensslMissing, pem } from '../../../test/support/certificates.ts';
import { createAedesTransport } from './aedes-transport.ts';
import { type BrokerOptions, type EmbeddedBroker, startBroker } from './broker.ts';

const PASSWORD = 'a password that nobody guesses';
const login = { username: 'dev', password: PASSWORD };

function indexOf(...devices: readonly object[]): DeviceIndex {
  return createDeviceIndex(parseDevices({ devices }), ['gw']);
}

const both = indexOf({ id: 'dev', password: PASSWORD }, { id: 'other', password: PASSWORD });

async function start(options: Partial<BrokerOptions> = {}): Promise<EmbeddedBroker> {
  const broker = await startBroker({
    listen: { host: '127.0.0.1', port: 0 },
    maxMessageBytes: 1 << 20,
    access: { devices: () => both },
    ...options,
  });
  onTestFinished(() => broker.close());
  return broker;
}

async function connect(options: MqttOptions): Promise<Transport> {
  const transport = await connectMqtt(options);
  onTestFinished(() => transport.close());
  return transport;
}

describe('logins at the broker inside', () => {
  test('may be reached from elsewhere once there are some', async () => {
    const broker = await start({ listen: { host: '0.0.0.0', port: 0 } });
    const url = broker.url.replace('0.0.0.0', '127.0.0.1');
    expect((await connect({ url, ...login })).isConnected).toBe(true);
  });

  test.each([
    ['nobody', {}],
    ['a wrong password', { username: 'dev', password: 'wrong' }],
    ['an unknown name', { username: 'stranger', password: PASSWORD }],
    ['a name without a password', { username: 'dev' }],
  ])('refuse %s', async (_, given) => {
    const { url } = await start();
    const refused = { code: 'broker-unreachable', message: expect.stringMatching(/Not authorized/) };
    await expect(connectMqtt({ url, ...given })).rejects.toMatchObject(refused);
  });

  test('let a device do what is its own, and refuse the rest without a trace', async () => {
    const broker = await start();
    const inside = createAedesTransport(broker.aedes);
    const seen: string[] = [];
    await inside.subscribe('#', (topic) => seen.push(topic));
    const device = await connect({ url: broker.url, ...login });
    await device.publish('cutpoint/hello/dev', new Uint8Array(1));
    await expect(device.subscribe('cutpoint/dev/other/rep', () => {})).rejects.toMatchObject({
      code: 'broker-unreachable',
    });
    const lost = new Promise((resolve) => device.onStateChange(resolve));
    await device.publish('cutpoint/hello/other', new Uint8Array(1)).catch(() => {});
    expect(await lost).toBe('lost');
    expect(seen).toEqual(['cutpoint/hello/dev']);
  });

  test('of one who left the file end at once, and the other stays', async () => {
    let devices = both;
    const broker = await start({ access: { devices: () => devices } });
    const gone = await connect({ url: broker.url, ...login });
    const stays = await connect({ url: broker.url, username: 'other', password: PASSWORD });
    devices = indexOf({ id: 'other', password: PASSWORD });
    broker.dropUnknown();
    await expect.poll(() => gone.isConnected).toBe(false);
    expect(stays.isConnected).toBe(true);
  });

  test('hold for a will as well', async () => {
    const broker = await start();
    const inside = createAedesTransport(broker.aedes);
    const seen: string[] = [];
    await inside.subscribe('cutpoint/#', (topic) => seen.push(topic));
    const doomed = async (topic: string) => {
      const client = mqtt.connect(broker.url, {
        ...login,
        will: { topic, payload: Buffer.from('x'), qos: 0 },
      });
      client.on('error', () => {});
      await new Promise((resolve) => client.once('connect', resolve));
      client.stream.destroy();
      client.end(true);
    };
    await doomed('cutpoint/gw/gw/st');
    await doomed('cutpoint/hello/dev');
    await expect.poll(() => seen).toEqual(['cutpoint/hello/dev']);
  });
});

test('a packet that claims too much ends its connection before it is gathered', async () => {
  const broker = await start({ maxMessageBytes: 1 << 16 });
  const device = await connect({ url: broker.url, ...login });
  const lost = new Promise((resolve) => device.onStateChange(resolve));
  await device.publish('cutpoint/hello/dev', new Uint8Array(1 << 20)).catch(() => {});
  expect(await lost).toBe('lost');
});

test('browsers reach the same topics over WebSocket, with the same login', async () => {
  const broker = await start({ webSocket: { host: '127.0.0.1', port: 0 } });
  const url = broker.webSocketUrl ?? '';
  expect(url).toMatch(/^ws:/);
  await expect(connectMqtt({ url })).rejects.toMatchObject({ code: 'broker-unreachable' });
  const browser = await connect({ url, ...login });
  const received = new Promise<number>((resolve) => {
    void browser
      .subscribe('cutpoint/dev/dev/rep', (_, bytes) => resolve(bytes.length))
      .then(() =>
        createAedesTransport(broker.aedes).publish('cutpoint/dev/dev/rep', new Uint8Array(300_000)),
      );
  });
  expect(await received).toBe(300_000);
});

describe.skipIf(opensslMissing())('certificates', () => {
  let authority: Certificates;
  let server: { cert: string; key: string; ca: string };
  beforeAll(() => {
    authority = makeAuthority();
    const { cert, key } = authority.issue('broker');
    server = { cert: pem(cert), key: pem(key), ca: pem(authority.ca) };
  });
  afterAll(() => authority.remove());
  const shown = (name: string) => {
    const { cert, key } = authority.issue(name);
    return { ca: server.ca, cert: pem(cert), key: pem(key) };
  };

  test('of the broker must be signed by whom the device trusts', async () => {
    const { cert, key } = server;
    const broker = await start({ tls: { cert, key } });
    expect(broker.url).toMatch(/^mqtts:/);
    await expect(connectMqtt({ url: broker.url, ...login })).rejects.toMatchObject({
      code: 'broker-unreachable',
    });
    const device = await connect({ url: broker.url, ...login, tls: { ca: server.ca } });
    expect(device.isConnected).toBe(true);
  });

  test('of a device are its login, over TCP and over WebSocket', async () => {
    const broker = await start({ tls: server, webSocket: { host: '127.0.0.1', port: 0 } });
    for (const url of [broker.url, broker.webSocketUrl ?? '']) {
      const device = await connect({ url, tls: shown('dev') });
      await device.subscribe('cutpoint/dev/dev/rep', () => {});
      await expect(device.subscribe('cutpoint/dev/other/rep', () => {})).rejects.toThrow(/refused/);
    }
  });

  test('of a stranger do not log in, and none at all does not either', async () => {
    const broker = await start({ tls: server });
    const unreachable = { code: 'broker-unreachable' };
    await expect(connectMqtt({ url: broker.url, tls: shown('stranger') })).rejects.toMatchObject(unreachable);
    const without = connectMqtt({ url: broker.url, ...login, tls: { ca: server.ca } });
    await expect(without).rejects.toMatchObject(unreachable);
  });

  test('that are none are named as an option', async () => {
    const starting = start({ tls: { cert: 'no certificate', key: server.key } });
    await expect(starting).rejects.toMatchObject({ code: 'options-invalid' });
  });
});

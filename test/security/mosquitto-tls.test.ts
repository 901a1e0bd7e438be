/** Mosquitto as `broker-config` configures it with certificates: for the broker alone, and for every client. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectMqtt, type MqttOptions, type Transport } from '@cutpoint/sdk/gateway';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Certificates, makeAuthority, opensslMissing, pem } from '../support/certificates.ts';
import { mosquittoMissing } from '../support/mosquitto.ts';
import { startFencedMosquitto } from './fenced-world.ts';

const PASSWORD = 'a password that nobody guesses';

describe.skipIf(mosquittoMissing() ?? opensslMissing())('Mosquitto with certificates', () => {
  let authority: Certificates;
  let devices: string;
  beforeAll(async () => {
    authority = makeAuthority();
    devices = join(await mkdtemp(join(tmpdir(), 'cutpoint-devices-')), 'devices.yaml');
    const logins = [{ id: 'dev', password: PASSWORD }, { id: 'by-certificate' }];
    await writeFile(devices, JSON.stringify({ gateways: [{ id: 'gw' }], devices: logins }));
  });
  afterAll(async () => {
    authority.remove();
    await rm(join(devices, '..'), { recursive: true });
  });

  async function start(isMutual: boolean): Promise<string> {
    const { cert, key } = authority.issue('broker');
    const mutual = isMutual ? ['--tls-ca', authority.ca] : [];
    const broker = await startFencedMosquitto(devices, ['--tls-cert', cert, '--tls-key', key, ...mutual]);
    onTestFinished(() => broker.close());
    return broker.url.replace('mqtt:', 'mqtts:');
  }

  async function connect(options: MqttOptions): Promise<Transport> {
    const transport = await connectMqtt(options);
    onTestFinished(() => transport.close());
    return transport;
  }

  const shown = (name: string) => {
    const { cert, key } = authority.issue(name);
    return { ca: pem(authority.ca), cert: pem(cert), key: pem(key) };
  };

  test('is trusted by whom its certificate was signed for, and asks for the password', async () => {
    const url = await start(false);
    const login = { username: 'dev', password: PASSWORD };
    const unreachable = { code: 'broker-unreachable' };
    await expect(connectMqtt({ url, ...login })).rejects.toMatchObject(unreachable);
    const tls = { ca: pem(authority.ca) };
    await expect(connectMqtt({ url, tls })).rejects.toMatchObject(unreachable);
    const device = await connect({ url, ...login, tls });
    await device.subscribe('cutpoint/dev/dev/rep', () => {});
  });

  test('takes a certificate for a login, with the rights of its common name', async () => {
    const url = await start(true);
    const device = await connect({ url, tls: shown('by-certificate') });
    await device.subscribe('cutpoint/dev/by-certificate/rep', () => {});
    await expect(device.subscribe('cutpoint/dev/dev/rep', () => {})).rejects.toThrow(/refused/);
    const without = connectMqtt({ url, tls: { ca: pem(authority.ca) }, username: 'dev', password: PASSWORD });
    await expect(without).rejects.toMatchObject({ code: 'broker-unreachable' });
  });

  test('lets a certificate that no login belongs to do nothing', async () => {
    const url = await start(true);
    const stranger = await connectMqtt({ url, tls: shown('stranger') }).catch(() => undefined);
    if (!stranger) return;
    onTestFinished(() => stranger.close());
    for (const filter of ['#', 'cutpoint/dev/stranger/rep', 'cutpoint/gw/+/st'])
      await expect(stranger.subscribe(filter, () => {})).rejects.toThrow(/refused/);
    const device = await connect({ url, tls: shown('by-certificate') });
    const heard: string[] = [];
    await device.subscribe('cutpoint/dev/by-certificate/rep', (topic) => heard.push(topic));
    await stranger.publish('cutpoint/dev/by-certificate/rep', new Uint8Array(1)).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(heard).toEqual([]);
  });
});

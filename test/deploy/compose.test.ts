/** The example of compose.yaml, as far as it goes without containers: its files, its logins, its broker's rules, a gateway on them. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '@cutpoint/sdk';
import { createCodec, deflateNode, sampleTensor } from '@cutpoint/sdk/gateway';
import { connectMqtt, createRequestClient } from '@cutpoint/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  type ModelFolder,
  makeModelFolder,
  type SpawnedGateway,
  spawnGateway,
} from '../support/gateway-process.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { freePort, mosquittoMissing } from '../support/mosquitto.ts';

const deploy = resolve(import.meta.dirname, '../../cloud-gateway/deploy');

interface Service {
  readonly image?: string;
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly stop_grace_period?: string;
}
const compose = parse(readFileSync(join(deploy, 'compose.yaml'), 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};

describe('compose.yaml', () => {
  const services = Object.entries(compose.services);

  it('has a broker, two gateways, Prometheus and Grafana', () => {
    expect(Object.keys(compose.services)).toEqual(
      expect.arrayContaining(['mosquitto', 'gateway-1', 'gateway-2', 'prometheus', 'grafana']),
    );
  });

  it.each(services)('%s mounts what is there, and pins its image', (_name, { image = '', volumes = [] }) => {
    expect(image).toMatch(/^cutpoint-gateway$|:v?\d+\.\d+\.\d+$/);
    for (const volume of volumes) {
      const [from = ''] = volume.split(':');
      if (from.startsWith('./')) expect(existsSync(join(deploy, from)), from).toBe(true);
      else if (!from.startsWith('$')) expect(Object.keys(compose.volumes)).toContain(from);
    }
  });

  it.each(services)('%s is reached from this machine alone', (_name, { ports = [] }) => {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('has a broker that does not hold small messages back', () => {
    expect(readFileSync(join(deploy, 'compose/mosquitto.conf'), 'utf8')).toMatch(/^set_tcp_nodelay true$/m);
  });

  it('gives each gateway a name of its own, the secret as a file, and a root that nothing writes to', () => {
    const gateways = services.filter(([name]) => name.startsWith('gateway-'));
    expect(new Set(gateways.map(([, { environment }]) => environment?.CUTPOINT_ID)).size).toBe(
      gateways.length,
    );
    for (const [, gateway] of gateways) {
      expect(gateway.read_only).toBe(true);
      expect(gateway.environment?.CUTPOINT_BROKER_FILE).toBe('/secrets/gateway/broker');
      expect(Number.parseInt(gateway.stop_grace_period ?? '', 10) * 1000).toBeGreaterThan(10_000);
    }
  });
});

describe.skipIf(mosquittoMissing() !== undefined)('its broker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cutpoint-compose-'));
  let broker: ChildProcess;
  let gateway: SpawnedGateway;
  let models: ModelFolder;
  let host: string;

  beforeAll(async () => {
    const port = await freePort();
    host = `127.0.0.1:${port}`;
    const env = { ...process.env, SECRETS: folder, DEVICES: 'device-1 device-2', BROKER: host };
    const make = () =>
      execFileSync('sh', [join(deploy, 'compose/credentials.sh')], {
        env: { ...env, BROKER_UID: '0', GATEWAY_UID: '0' },
      });
    expect(make().toString()).toBe('');
    const before = readFileSync(join(folder, 'gateway/broker'), 'utf8');
    make();
    expect(readFileSync(join(folder, 'gateway/broker'), 'utf8')).toBe(before);

    const config = readFileSync(join(deploy, 'compose/mosquitto.conf'), 'utf8')
      .replace('listener 1883', `listener ${port} 127.0.0.1`)
      .replace('/secrets', folder)
      .replace('/mosquitto/config/acl', join(deploy, 'compose/acl'));
    writeFileSync(join(folder, 'mosquitto.conf'), `${config}user root\n`);
    broker = spawn('mosquitto', ['-c', join(folder, 'mosquitto.conf')], { stdio: 'ignore' });
    models = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: [1, 3, 32, 32] } } });
    const secret = { CUTPOINT_BROKER_FILE: join(folder, 'gateway/broker') };
    await sleep(500);
    gateway = spawnGateway(['--models', models.path, '--threads', '1'], {
      env: { ...process.env, ...secret },
    });
    await gateway.ready;
  });
  afterAll(async () => {
    gateway?.child.kill('SIGKILL');
    await gateway?.ended;
    broker?.kill('SIGKILL');
    await models?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const passwordOf = (device: string) => readFileSync(join(folder, 'devices', device), 'utf8');
  const connectAs = (device: string, password = passwordOf(device)) =>
    connectMqtt({ url: `mqtt://${device}:${password}@${host}` });

  it('keeps the passwords from others, and shows none', async () => {
    for (const path of ['gateway/broker', 'broker/passwords', 'devices/device-1'])
      expect(statSync(join(folder, path)).mode & 0o077).toBe(0);
    const { broker: shown } = await gateway.ready;
    expect(shown).toBe(`mqtt://${host}`);
    expect(passwordOf('device-1')).toMatch(/^[0-9a-f]{48}$/);
    expect(passwordOf('device-1')).not.toBe(passwordOf('device-2'));
  });

  it('lets nobody in without a login', async () => {
    await expect(connectMqtt({ url: `mqtt://${host}` })).rejects.toMatchObject({
      code: 'broker-unreachable',
    });
    await expect(connectAs('device-1', 'guess')).rejects.toMatchObject({ code: 'broker-unreachable' });
  });

  it('lets a device ask and hear its answer under its own name, and under no other', async () => {
    const transport = await connectAs('device-1');
    const spy = await connectAs('device-2');
    const heard: string[] = [];
    // Some brokers refuse the subscription, Mosquitto delivers nothing: either will do.
    await spy.subscribe('cutpoint/dev/device-1/rep', (topic) => heard.push(topic)).catch(() => undefined);
    const own = createRequestClient({
      transport,
      deviceId: 'device-1',
      clock: systemClock(),
      randomId: () => `r${Math.floor(performance.now() * 1000)}`,
    });
    await own.start();
    const { gateway: id, models: served } = await own.waitForGateway('net', { deadlineMs: 10_000 });
    const tensor = sampleTensor({ type: 'float32', dims: [1, 3, 32, 32], seed: 3 });
    const frame = await createCodec({ deflate: deflateNode() }).encode(tensor, 'float32');
    const request = {
      model: 'net',
      digest: served[0]?.digest ?? '',
      cut: 'input',
      fetches: ['output'],
      replyProfile: 'float32',
    };
    const reply = await own.request(
      id,
      { ...request, tensors: [{ name: 'input', frame }] },
      { deadlineMs: 10_000 },
    );
    expect(reply.tensors.map(({ name }) => name)).toEqual(['output']);
    expect(heard).toEqual([]);

    // Under another's name nothing reaches the gateway.
    const forger = createRequestClient({
      transport: spy,
      deviceId: 'device-1',
      clock: systemClock(),
      randomId: () => `f${Math.floor(performance.now() * 1000)}`,
    });
    await forger.start().catch(() => undefined);
    const forged = forger.request(
      id,
      { ...request, tensors: [{ name: 'input', frame }] },
      { deadlineMs: 1_000 },
    );
    await expect(forged).rejects.toThrow();
    await Promise.all([own.close(), forger.close()]);
    await Promise.all([transport.close(), spy.close()]);
  });
});

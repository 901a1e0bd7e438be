import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseDevices } from '../access/devices.ts';
import { runProgram } from './program.ts';

const PASSWORD = 'a password that nobody guesses';
const DEVICES = {
  gateways: [{ id: 'gw', password: PASSWORD }],
  devices: [{ id: 'dev', password: PASSWORD, sessions: ['dev-ocr'] }],
};

let folder: string | undefined;
afterEach(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true });
  folder = undefined;
});

async function run(broker: string, { devices = DEVICES as object, flags = [] as readonly string[] } = {}) {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-broker-config-'));
  const file = join(folder, 'devices.yaml');
  await writeFile(file, JSON.stringify(devices));
  let [out, errors] = ['', ''];
  const code = await runProgram({
    argv: ['broker-config', broker, '--devices', file, ...flags],
    writeOut: (text) => {
      out += text;
    },
    writeError: (text) => {
      errors += text;
    },
    hasColours: false,
    showsProgress: false,
    now: () => new Date(0),
  });
  return { code, out, errors, folder };
}

test('Mosquitto gets a role for each login, with filters that hold as they stand, and no password in the clear', async () => {
  const { code, out } = await run('mosquitto', { flags: ['--plugin', '/p.so'] });
  expect(code).toBe(0);
  expect(out).toContain('allow_anonymous false');
  expect(out).toContain('plugin /p.so');
  expect(out).not.toContain(PASSWORD);
  const security = JSON.parse(out.slice(out.indexOf('{'))) as {
    roles: { rolename: string; acls: { acltype: string; topic: string }[] }[];
  };
  const rules = security.roles.find(({ rolename }) => rolename === 'cutpoint-dev')?.acls ?? [];
  const topicsOf = (type: string) =>
    rules.filter(({ acltype }) => acltype === type).map(({ topic }) => topic);
  expect(topicsOf('publishClientSend')).toEqual([
    'cutpoint/gw/gw/req/dev',
    'cutpoint/gw/gw/req/dev-ocr',
    'cutpoint/hello/dev',
    'cutpoint/hello/dev-ocr',
  ]);
  expect(topicsOf('subscribeLiteral')).toEqual([
    'cutpoint/dev/dev/rep',
    'cutpoint/dev/dev-ocr/rep',
    'cutpoint/gw/+/st',
  ]);
  expect(topicsOf('subscribePattern')).toEqual([]);
});

test('EMQX and NATS get the same rights in their own words', async () => {
  const nats = await run('nats');
  expect(nats.out).toContain('user: "dev"');
  expect(nats.out).toContain('"cutpoint.gw.gw.req.dev"');
  expect(nats.out).toContain('"cutpoint.gw.*.st"');
  const emqx = await run('emqx');
  expect(emqx.out).toContain('{allow, {username, "dev"}, subscribe, [{eq, "cutpoint/dev/dev/rep"}');
  expect(emqx.out).toContain('{deny, all}.');
  expect(emqx.out).toMatch(/^dev,[0-9a-f]{128},[0-9a-f]{12},false$/m);
});

test('files are written for their owner alone', async () => {
  const place = await mkdtemp(join(tmpdir(), 'cutpoint-out-'));
  const { out } = await run('nats', { flags: ['--out', place] });
  expect(out.trim()).toBe(join(place, 'nats.conf'));
  expect(await readFile(join(place, 'nats.conf'), 'utf8')).toContain('authorization');
  expect((await stat(join(place, 'nats.conf'))).mode & 0o077).toBe(0);
  await rm(place, { recursive: true });
});

const HASH = `pbkdf2-sha512$2000$saltsaltsalt$${'A'.repeat(86)}==`;
test.each([
  ['another broker', 'rabbit', {}, /expected mosquitto, emqx or nats/],
  ['a file without gateways', 'nats', { devices: {} }, /names no gateways/],
  ['a certificate without its key', 'nats', { flags: ['--tls-cert', 'a'] }, /--tls-key go together/],
  ['an address that is none', 'nats', { flags: ['--listen', 'here'] }, /HOST:PORT/],
  [
    'a hash for NATS',
    'nats',
    { devices: { ...DEVICES, devices: [{ id: 'd', passwordHash: HASH }] } },
    /d has only/,
  ],
  [
    'another count for EMQX',
    'emqx',
    { devices: { ...DEVICES, devices: [{ id: 'd', passwordHash: HASH }] } },
    /2000 iterations/,
  ],
])('refuses %s', async (_, broker, given, message) => {
  const { code, errors } = await run(broker, given);
  expect(errors).toMatch(message);
  expect(code).toBe(2);
});

test('the devices file of the documentation is one', async () => {
  const text = await readFile(resolve(import.meta.dirname, '../../../docs/brokers.md'), 'utf8');
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(text) ?? [];
  expect(parseDevices(parse(yaml)).devices[0]?.keys).toHaveLength(2);
});

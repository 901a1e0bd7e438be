import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createDeviceIndex } from './device-index.ts';
import { parseDevices } from './devices.ts';
import { hashPassword, isPassword, parsePasswordHash, passwordHashText } from './password.ts';

const PASSWORD = 'a password that nobody guesses';
const newKey = () => randomBytes(32).toString('base64url');
const file = (device: object, more: object = {}) => ({
  gateways: [{ id: 'gw' }],
  devices: [{ id: 'dev', ...device }, { id: 'other' }],
  ...more,
});

describe('a devices file', () => {
  test.each([
    ['a name of letters that some broker gives a meaning', file({ id: 'a.b' })],
    ['a short password', file({ password: 'secret' })],
    ['a hash of another kind', file({ passwordHash: '$2b$10$abcdefghijklmnopqrstuv' })],
    ['a key of another length', file({ keys: [{ id: 'k', key: 'c2hvcnQ' }] })],
    ['a date without a time', file({ keys: [{ id: 'k', key: newKey(), notAfter: '2026-01-01' }] })],
    [
      'two keys of one id',
      file({
        keys: [
          { id: 'k', key: newKey() },
          { id: 'k', key: newKey() },
        ],
      }),
    ],
    ['a name of two devices', file({ sessions: ['other'] })],
    ['a device with the name of a gateway', file({ id: 'gw' })],
    [
      'keys where there is no encryption',
      file({ keys: [{ id: 'k', key: newKey() }] }, { encryption: 'none' }),
    ],
    ['a field that is none', file({ pasword: PASSWORD })],
  ])('refuses %s', (_, document) => {
    expect(() => parseDevices(document)).toThrow(expect.objectContaining({ code: 'options-invalid' }));
  });

  test('is refused without showing what is secret', () => {
    const secret = 'AAAAsecretAAAA';
    const document = file({ password: secret, keys: [{ id: 'k', key: secret }] });
    expect(() => parseDevices(document)).toThrow(/devices\[0\]\.password.*devices\[0\]\.keys\[0\]\.key/);
    expect(() => parseDevices(document)).not.toThrow(secret);
  });

  test('asks for sealed requests as soon as a device has a key', () => {
    expect(parseDevices(file({})).encryption).toBe('none');
    expect(parseDevices(file({ keys: [{ id: 'k', key: newKey() }] })).encryption).toBe('required');
  });
});

describe('logins', () => {
  test('take the password, or the one that was hashed, and no other', async () => {
    const passwordHash = passwordHashText(await hashPassword(PASSWORD));
    for (const login of [{ password: PASSWORD }, { passwordHash }]) {
      const index = createDeviceIndex(parseDevices(file(login)));
      expect(await index.isLogin('dev', PASSWORD)).toBe(true);
      expect(await index.isLogin('dev', `${PASSWORD} `)).toBe(false);
      expect(await index.isLogin('other', PASSWORD)).toBe(false);
      expect(await index.isLogin('nobody', '')).toBe(false);
    }
    const [parsed, wrong] = [parsePasswordHash(passwordHash), parsePasswordHash(`${passwordHash}=`)];
    expect(parsed && (await isPassword(PASSWORD, parsed))).toBe(true);
    expect(wrong).toBeUndefined();
  });
});

describe('topic rights', () => {
  const index = createDeviceIndex(parseDevices(file({ sessions: ['dev-2'] })));

  test('of a device are its own topics, under each of its names', () => {
    for (const topic of ['cutpoint/gw/gw/req/dev', 'cutpoint/gw/gw/req/dev-2', 'cutpoint/hello/dev'])
      expect([topic, index.mayPublish('dev', topic)]).toEqual([topic, true]);
    for (const topic of [
      'cutpoint/gw/gw/req/other',
      'cutpoint/gw/another/req/dev',
      'cutpoint/gw/+/req/dev',
      'cutpoint/dev/dev/rep',
      'cutpoint/gw/gw/st',
      'cutpoint/hello/other',
      '$SYS/x',
    ])
      expect([topic, index.mayPublish('dev', topic)]).toEqual([topic, false]);
  });

  test('grant a filter as it stands, and none that covers more or is shared', () => {
    for (const filter of ['cutpoint/dev/dev/rep', 'cutpoint/dev/dev-2/rep', 'cutpoint/gw/+/st'])
      expect([filter, index.maySubscribe('dev', filter)]).toEqual([filter, true]);
    for (const filter of [
      '#',
      '+/#',
      'cutpoint/#',
      'cutpoint/dev/+/rep',
      'cutpoint/dev/dev/#',
      'cutpoint/dev/other/rep',
      'cutpoint/gw/gw/req/+',
      '$share/g/cutpoint/gw/gw/req/+',
      '$share/g/cutpoint/dev/dev/rep',
      '$SYS/#',
    ])
      expect([filter, index.maySubscribe('dev', filter)]).toEqual([filter, false]);
  });

  test('of a gateway are replies to all and its own status', () => {
    expect(index.mayPublish('gw', 'cutpoint/dev/other/rep')).toBe(true);
    expect(index.mayPublish('gw', 'cutpoint/gw/gw/st')).toBe(true);
    expect(index.mayPublish('gw', 'cutpoint/gw/another/st')).toBe(false);
    expect(index.mayPublish('gw', 'cutpoint/dev/+/rep')).toBe(false);
    expect(index.maySubscribe('gw', 'cutpoint/gw/gw/req/+')).toBe(true);
    expect(index.maySubscribe('gw', 'cutpoint/gw/+/req/+')).toBe(false);
  });

  test('of an edge agent are its own topics as well, and one for the results of each of its models', () => {
    const led = createDeviceIndex(parseDevices(file({ agent: ['net.v1'] }, { fleet: [{ id: 'ops' }] })));
    const below = (topic: string, device = 'dev') => `cutpoint/edge/${device}/${topic}`;
    for (const topic of ['st', 'reported', 'health', 'ack', 'get', 'echo', 'out/net_v1'].map((one) =>
      below(one),
    ))
      expect([topic, led.mayPublish('dev', topic), index.mayPublish('dev', topic)]).toEqual([
        topic,
        true,
        false,
      ]);
    for (const filter of ['desired', 'cmd', 'got', 'in/+', 'echo'].map((one) => below(one)))
      expect([filter, led.maySubscribe('dev', filter)]).toEqual([filter, true]);
    expect(led.mayPublish('dev', 'cutpoint/hello/dev-net_v1')).toBe(true);
    for (const topic of [below('st', 'other'), below('desired'), below('cmd'), below('out/more')])
      expect([topic, led.mayPublish('dev', topic)]).toEqual([topic, false]);
    expect(led.maySubscribe('dev', below('cmd', 'other'))).toBe(false);
    for (const topic of ['desired', 'cmd', 'got', 'in/net_v1'].map((one) => below(one, 'other')))
      expect([topic, led.mayPublish('ops', topic)]).toEqual([topic, true]);
    expect(led.maySubscribe('ops', below('reported', '+'))).toBe(true);
    expect(led.mayPublish('ops', below('reported'))).toBe(false);
    expect(led.mayPublish('ops', 'cutpoint/gw/gw/req/dev')).toBe(false);
  });

  test('of a login that is not in the file are none', () => {
    expect(index.mayPublish('nobody', 'cutpoint/hello/nobody')).toBe(false);
    expect(index.mayReceive('nobody', 'cutpoint/gw/gw/st')).toBe(false);
  });
});

test('a key holds from its first moment until its last, for every name of its device', () => {
  const key = newKey();
  const keys = [{ id: 'k', key, notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-02-01T00:00:00+01:00' }];
  const index = createDeviceIndex(parseDevices(file({ sessions: ['dev-2'], keys })));
  const at = (time: string, device = 'dev', keyId = 'k') =>
    index.sealingKey(device, keyId, Date.parse(time)) !== undefined;
  expect(at('2025-12-31T23:59:59Z')).toBe(false);
  expect(at('2026-01-01T00:00:00Z')).toBe(true);
  expect(at('2026-01-31T22:59:59Z', 'dev-2')).toBe(true);
  expect(at('2026-01-31T23:00:00Z')).toBe(false);
  expect(at('2026-01-15T00:00:00Z', 'other')).toBe(false);
  expect(at('2026-01-15T00:00:00Z', 'dev', 'k2')).toBe(false);
});

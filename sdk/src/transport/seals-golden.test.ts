/** Seals byte for byte: what one side of version 1 closes, every other side opens. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { RequestHeader, ResultHeader } from '../protocol/v1/messages.ts';
import { createDeviceSeal } from './device-seal.ts';
import { createGatewaySeal } from './gateway-seal.ts';
import { parseKey } from './sealing-keys.ts';

interface Golden {
  readonly messages: readonly { readonly name: string; readonly header: unknown; readonly payload: string }[];
  readonly seals: Readonly<
    Record<'device' | 'key' | 'keyId' | 'salt' | 'epoch' | 'requestPlain' | 'resultPlain', string>
  >;
}

const place = new URL('../protocol/v1/golden.json', import.meta.url);
const { messages, seals } = JSON.parse(readFileSync(place, 'utf8')) as Golden;
const messageOf = (name: string) => {
  const found = messages.find((message) => message.name === name);
  if (!found) throw new Error(`no vector ${name}`);
  return { header: found.header, payload: Buffer.from(found.payload, 'hex') };
};
const sealed = messageOf('sealed request') as { header: RequestHeader; payload: Buffer };
const result = messageOf('sealed result') as { header: ResultHeader; payload: Buffer };
const request = { ...sealed.header, device: seals.device, gateway: result.header.gateway };

test('a device closes its first request under a salt to the byte, and opens the result', async () => {
  const device = createDeviceSeal(seals, seals.salt);
  const closed = await device.close(request, seals.epoch, [Buffer.from(seals.requestPlain, 'hex')]);
  expect(closed.seal).toEqual(sealed.header.seal);
  expect(Buffer.from(closed.payload).toString('hex')).toBe(sealed.payload.toString('hex'));
  const plain = await closed.openResult({ ...result.header, payload: result.payload });
  expect(Buffer.from(plain).toString('hex')).toBe(seals.resultPlain);
});

test('a gateway opens it', async () => {
  const gateway = createGatewaySeal({
    policy: 'required',
    findKey: () => parseKey(seals.key, 'key'),
    randomId: () => seals.epoch,
  });
  const { payload } = await gateway.open(request, sealed.payload);
  expect(Buffer.from(payload).toString('hex')).toBe(seals.requestPlain);
});

test('the seal vouches for where the request stops and who goes on', async () => {
  const device = createDeviceSeal(seals, seals.salt);
  const route = [{ cut: 'c5', profile: 'float32', gateways: ['fog-2'] }];
  const asked = { ...request, to: 'c9', route };
  const { seal, payload } = await device.close(asked, seals.epoch, [Buffer.from(seals.requestPlain, 'hex')]);
  const open = (changed: object) =>
    createGatewaySeal({
      policy: 'required',
      findKey: () => parseKey(seals.key, 'key'),
      randomId: () => seals.epoch,
    }).open({ ...asked, seal, ...changed }, Buffer.from(payload));
  for (const changed of [
    { to: undefined },
    { to: 'c8' },
    { route: undefined },
    { route: [{ cut: 'c5', profile: 'float32', gateways: ['fog-3'] }] },
    { route: [{ cut: 'c5', profile: 'uint8', gateways: ['fog-2'] }] },
  ])
    await expect(open(changed)).rejects.toMatchObject({ code: 'decryption-failed' });
  expect(Buffer.from((await open({})).payload).toString('hex')).toBe(seals.requestPlain);
});

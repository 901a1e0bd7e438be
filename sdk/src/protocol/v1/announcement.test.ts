import { expect, test } from 'vitest';
import { encodeCbor } from '../cbor.ts';
import { decodeAnnouncement, encodeAnnouncement } from './announcement.ts';

const cuts = Array.from({ length: 9 }, (_, index) => ({ id: `cut${index}`, tailMs: index + 0.5 }));
const model = (index: number) => ({ name: `model-${index}`, digest: 'd'.repeat(64), cuts, inputTailMs: 7 });

test('an announcement of 100 models with their cuts comes through', () => {
  const body = {
    state: 'ready',
    models: Array.from({ length: 100 }, (_, i) => model(i)),
    maxPayloadBytes: 9,
  } as const;
  expect(decodeAnnouncement('gw', encodeAnnouncement(body))).toEqual({ ...body, v: 1, gateway: 'gw' });
});

test('an announcement over the limit is not sent', () => {
  const body = {
    state: 'ready',
    models: Array.from({ length: 2000 }, (_, i) => model(i)),
    maxPayloadBytes: 9,
  } as const;
  expect(() => encodeAnnouncement(body)).toThrow(expect.objectContaining({ code: 'payload-too-large' }));
});

test('a wrong announcement is a typed error that names the field', () => {
  const bytes = encodeCbor({ state: 'ready', models: [{ name: 5 }], maxPayloadBytes: -1 });
  expect(() => decodeAnnouncement('gw', bytes)).toThrow(/maxPayloadBytes/);
  expect(() => decodeAnnouncement('gw', new Uint8Array(300_000))).toThrow(/300000 bytes exceeds/);
});

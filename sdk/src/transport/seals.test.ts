import { randomBytes, randomUUID } from 'node:crypto';
import { expect, onTestFinished, test, vi } from 'vitest';
import { patterned, reversed } from '../../../test/support/request-pair.ts';
import { systemClock } from '../clock.ts';
import { decodeEnvelope } from '../protocol/envelope.ts';
import type { DeviceKey } from './device-seal.ts';
import { createGatewaySeal } from './gateway-seal.ts';
import { type MemoryBroker, memoryBroker } from './memory.ts';
import { createRequestClient } from './request-client.ts';
import { createRequestServer } from './request-server.ts';
import { parseKey } from './sealing-keys.ts';

const clock = systemClock();
const randomId = () => randomUUID();
const newKey = () => randomBytes(32).toString('base64url');
const frame = patterned(150_000, 3);

async function serveSealed(broker: MemoryBroker, keys: Map<string, string>, policy: 'required' | 'optional') {
  const handle = vi.fn(reversed);
  const findKey = (device: string, keyId: string) => {
    const text = keys.get(`${device}/${keyId}`);
    return text === undefined ? undefined : parseKey(text, 'key');
  };
  const transport = broker.connect();
  const models = [{ name: 'm', digest: 'd', cuts: [] }];
  const server = createRequestServer({
    ...{ transport, gatewayId: 'gw', clock, handle },
    seal: createGatewaySeal({ policy, findKey, randomId }),
    announce: () => ({ state: 'ready', models, maxPayloadBytes: 1 << 24 }),
  });
  await server.start();
  onTestFinished(() => server.stop());
  return handle;
}

async function askSealed(broker: MemoryBroker, encryption?: DeviceKey) {
  const client = createRequestClient({
    transport: broker.connect(),
    deviceId: 'dev',
    clock,
    randomId,
    encryption,
  });
  onTestFinished(() => client.close());
  await client.start();
  await client.waitForGateway('m', { deadlineMs: 5_000 });
  const fields = { model: 'm', digest: 'd', cut: 'c', fetches: ['y'], replyProfile: 'p' };
  return client.request('gw', { ...fields, tensors: [{ name: 'x', frame }] }, { deadlineMs: 5_000 });
}

test('a sealed request is answered, and the broker sees neither side of it', async () => {
  const [broker, key] = [memoryBroker(), newKey()];
  await serveSealed(broker, new Map([['dev/k1', key]]), 'required');
  const seen: Uint8Array[] = [];
  await broker.connect().subscribe('#', (_, bytes) => void seen.push(decodeEnvelope(bytes).payload));
  const reply = await askSealed(broker, { keyId: 'k1', key });
  expect(reply.tensors).toEqual([{ name: 'x', frame: frame.toReversed() }]);
  const everything = Buffer.concat(seen);
  expect(everything.length).toBeGreaterThan(2 * frame.length);
  expect(everything.includes(Buffer.from(frame.subarray(500, 532)))).toBe(false);
  expect(everything.includes(Buffer.from(frame.toReversed().subarray(500, 532)))).toBe(false);
});

test.each([
  ['another key', { keyId: 'k1', key: newKey() }],
  ['a key that the gateway does not have', { keyId: 'k9', key: newKey() }],
])('%s runs nothing and answers with no content', async (_, encryption) => {
  const broker = memoryBroker();
  const handle = await serveSealed(broker, new Map([['dev/k1', newKey()]]), 'required');
  await expect(askSealed(broker, encryption)).rejects.toMatchObject({ code: 'decryption-failed' });
  expect(handle).not.toHaveBeenCalled();
});

test('a device without a key sends nothing to a gateway that requires one, and is served where it is optional', async () => {
  const [strict, lenient] = [memoryBroker(), memoryBroker()];
  await serveSealed(strict, new Map(), 'required');
  await serveSealed(lenient, new Map(), 'optional');
  await expect(askSealed(strict)).rejects.toMatchObject({ code: 'encryption-required' });
  await expect(askSealed(lenient)).resolves.toMatchObject({ gateway: 'gw' });
});

test('a request comes once; another device, cut or epoch breaks the seal', async () => {
  const { createDeviceSeal } = await import('./device-seal.ts');
  const key = newKey();
  const make = () => createGatewaySeal({ policy: 'required', findKey: () => parseKey(key, 'key'), randomId });
  const gateway = make();
  const request = {
    ...{ device: 'dev', gateway: 'gw', id: 'r', model: 'm', digest: 'd', cut: 'c', replyProfile: 'p' },
    ...{ tensors: [{ name: 'x', bytes: 4 }], fetches: ['y'] },
  };
  const device = createDeviceSeal({ keyId: 'k', key }, randomId());
  const { seal, payload } = await device.close(request, gateway.announced.epoch, [patterned(4, 1)]);
  for (const change of [
    { device: 'other' },
    { cut: 'c2' },
    { id: 'r2' },
    { digest: 'e' },
    { gateway: 'gw2' },
  ]) {
    const opened = gateway.open({ ...request, ...change, seal }, payload);
    await expect(opened).rejects.toMatchObject({ code: 'decryption-failed' });
  }
  expect((await gateway.open({ ...request, seal }, payload)).payload).toEqual(patterned(4, 1));
  await expect(gateway.open({ ...request, seal }, payload)).rejects.toMatchObject({
    code: 'request-replayed',
  });
  await expect(make().open({ ...request, seal }, payload)).rejects.toMatchObject({
    code: 'gateway-unavailable',
  });
});

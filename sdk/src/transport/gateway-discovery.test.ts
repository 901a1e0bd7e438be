import { expect, test, vi } from 'vitest';
import {
  ask,
  join,
  patterned,
  rawDevice,
  rawRequest,
  replyOf,
  reversed,
  serve,
} from '../../../test/support/request-pair.ts';
import { systemClock } from '../clock.ts';
import { memoryBroker } from './memory.ts';
import type { OutgoingReply } from './request-server.ts';
import type { Transport } from './transport.ts';

const clock = systemClock();

test('a draining gateway answers what it has, refuses the rest, and says so', async () => {
  const broker = memoryBroker();
  let answer = (_: OutgoingReply) => {};
  const server = await serve(
    async () => broker.connect(),
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  const client = await join(async () => broker.connect());
  const inHand = ask(client, { frame: patterned(9, 1) });
  await clock.sleep(10);
  const drained = server.drain();
  await vi.waitFor(() => expect(client.gateways()).toMatchObject([{ state: 'draining' }]));
  await expect(ask(client, { frame: patterned(9, 1) })).rejects.toMatchObject({
    code: 'gateway-unavailable',
  });
  answer(replyOf(patterned(5, 1)));
  expect((await inHand).tensors).toHaveLength(1);
  await drained;
  await server.stop();
  await vi.waitFor(() => expect(client.gateways()).toEqual([]));
});

test('a gateway that drains refuses a request that it has only in part', async () => {
  const broker = memoryBroker();
  const server = await serve(async () => broker.connect(), reversed);
  const raw = await rawDevice(broker.connect());
  await raw.send({ ...rawRequest('half'), parts: 2, totalBytes: 3_000 }, patterned(2_000, 1));
  await server.drain();
  await raw.heard('error', 1);
  expect(raw.headers[0]).toMatchObject({ id: 'half', code: 'gateway-unavailable' });
});

test('waiting for a gateway tells an absent one from one without the model', async () => {
  const broker = memoryBroker();
  const client = await join(async () => broker.connect(), {}, false);
  await expect(client.waitForGateway('m', { deadlineMs: 30 })).rejects.toMatchObject({
    code: 'gateway-unavailable',
  });
  const wait = client.waitForGateway('m', { deadlineMs: 10_000 });
  await serve(async () => broker.connect(), reversed);
  expect(await wait).toMatchObject({ gateway: 'gw', state: 'ready', models: [{ name: 'm' }] });
  const other = client.waitForGateway('other', { deadlineMs: 30 });
  await expect(other).rejects.toMatchObject({ code: 'model-unknown', message: /'other'; served: m/ });
  broker.stop();
  await expect(client.waitForGateway('m', { deadlineMs: 30 })).rejects.toMatchObject({
    code: 'broker-unreachable',
  });
});

test('a gateway is found on a broker that keeps nothing, by asking', async () => {
  const broker = memoryBroker();
  const forgetful = forgetRetained(broker.connect());
  await serve(async () => forgetful, reversed);
  const client = await join(async () => broker.connect());
  expect(client.gateways()).toMatchObject([{ gateway: 'gw' }]);
});

function forgetRetained(transport: Transport): Transport {
  return {
    maxPacketBytes: transport.maxPacketBytes,
    isConnected: true,
    publish: async (topic, payload, options) => {
      if (!options?.retain) await transport.publish(topic, payload);
    },
    subscribe: (filter, receive) => transport.subscribe(filter, receive),
    onStateChange: (listener) => transport.onStateChange(listener),
    close: () => transport.close(),
  };
}

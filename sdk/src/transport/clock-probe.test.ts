import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ask, join, patterned, replyOf, serve } from '../../../test/support/request-pair.ts';
import type { PingHeader } from '../protocol/v1/messages.ts';
import { createClockProbe } from './clock-probe.ts';
import { memoryBroker } from './memory.ts';
import type { Transport } from './transport.ts';

test('kilobytes on a slow link are not taken for its round trip, nor for the clocks', async () => {
  const broker = memoryBroker();
  await serve(
    async () => broker.connect(),
    async () => replyOf(patterned(10, 1)),
  );
  // 33 ms a kilobyte, 3 a ping, and nothing back.
  const client = await join(async () => slow(broker.connect(), 300_000));
  for (let index = 0; index < 9; index++) await ask(client, { frame: patterned(1_000, index) });
  expect(client.roundTripMs('gw')).toBeLessThan(20);
  const { timings } = await ask(client, { frame: patterned(1_000, 9) });
  expect(timings.uplinkMs).toBeGreaterThan(25);
});

test('exchanges ask for pings: eight at first, then one every ten seconds, never while one is awaited', () => {
  let atMs = 0;
  const pings: PingHeader[] = [];
  const probe = createClockProbe({
    clock: { nowMs: () => atMs, sleep: async () => {} },
    randomId: () => `p${pings.length}`,
    send: (_, ping) => pings.push(ping),
  });
  const sentBy = (nowMs: number) => {
    atMs = nowMs;
    for (let index = 0; index < 5; index++) probe.exchanged('gw');
    return pings.length;
  };
  const pong = () => probe.answered({ v: 1, t: 'pong', gateway: 'gw', id: `p${pings.length - 1}`, atMs: 0 });
  expect(sentBy(0)).toBe(1);
  expect(sentBy(40)).toBe(1);
  for (let answered = 0; answered < 8; answered++) {
    pong();
    sentBy(50);
  }
  expect(sentBy(9_000)).toBe(8);
  expect(sentBy(10_100)).toBe(9);
  expect(sentBy(20_000)).toBe(9);
  expect(sentBy(20_200)).toBe(10);
});

/** What is published there waits for what was before, and for its own bytes. */
function slow(transport: Transport, bitsPerSecond: number): Transport {
  let sent: Promise<unknown> = Promise.resolve();
  return {
    maxPacketBytes: transport.maxPacketBytes,
    get isConnected() {
      return transport.isConnected;
    },
    publish: async (topic, payload, options) => {
      sent = sent.then(() => sleep((payload.length * 8_000) / bitsPerSecond));
      await sent;
      await transport.publish(topic, payload, options);
    },
    subscribe: (filter, receive) => transport.subscribe(filter, receive),
    onStateChange: (listener) => transport.onStateChange(listener),
    close: () => transport.close(),
  };
}

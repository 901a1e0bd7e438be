import { expect, test } from 'vitest';
import { memoryBroker } from './memory.ts';
import { transportSuite } from './suite.ts';

transportSuite('memory', async () => {
  const broker = memoryBroker();
  const open = new Map<unknown, ReturnType<typeof broker.connect>>();
  return {
    connect: async (options) => {
      const transport = broker.connect(options);
      open.set(transport, transport);
      return transport;
    },
    sever: async (transport) => {
      open.get(transport)?.drop();
      setTimeout(() => open.get(transport)?.reconnect(), 5);
    },
    restart: async () => {
      broker.stop();
      await Promise.resolve();
      broker.start();
    },
    close: async () => {},
  };
});

test('the same seed loses the same messages', async () => {
  const [first, second] = [await survivors(7), await survivors(7)];
  expect(first).toEqual(second);
  expect(first.length).toBeGreaterThan(50);
  expect(first.length).toBeLessThan(150);
});

test('a packet over the limit is refused', async () => {
  const transport = memoryBroker({ maxPacketBytes: 100 }).connect();
  await expect(transport.publish('a', new Uint8Array(100))).rejects.toMatchObject({
    code: 'payload-too-large',
  });
});

async function survivors(seed: number): Promise<number[]> {
  const transport = memoryBroker({ faults: { loss: 0.5, seed } }).connect();
  const seen: number[] = [];
  await transport.subscribe('a', (_, payload) => seen.push(payload[0] ?? -1));
  for (let index = 0; index < 200; index++) await transport.publish('a', Uint8Array.of(index));
  await Promise.resolve();
  return seen;
}

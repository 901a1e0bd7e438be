/** What every Transport does, as tests. Run it on each adapter: `transportSuite('mine', makeBroker)`. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Transport, Will } from './transport.ts';

/** A broker for one test. */
export interface SuiteBroker {
  connect(options?: { readonly will?: Will }): Promise<Transport>;
  /** Ends a transport's connection without a goodbye; it may connect again by itself. Left out: not tested. */
  sever?(transport: Transport): Promise<void>;
  /** Stops and starts at the same address. Left out: not tested. */
  restart?(): Promise<void>;
  close(): Promise<void>;
}

export interface SuiteOptions {
  /** Why the suite cannot run here; undefined when it can. */
  readonly skipReason?: string | undefined;
}

export function transportSuite(
  name: string,
  makeBroker: () => Promise<SuiteBroker>,
  options: SuiteOptions = {},
): void {
  const title = options.skipReason ? `${name} (skipped: ${options.skipReason})` : name;
  describe.skipIf(options.skipReason !== undefined)(`transport ${title}`, () => {
    let broker: SuiteBroker;
    let transports: Transport[] = [];
    const connect = async (will?: Will) => {
      const transport = await broker.connect(will && { will });
      transports.push(transport);
      return transport;
    };
    beforeEach(async () => {
      broker = await makeBroker();
    });
    afterEach(async () => {
      await Promise.all(transports.map((transport) => transport.close()));
      transports = [];
      await broker.close();
    });

    test('delivers bytes unchanged, and only to filters that match', async () => {
      const [sender, receiver] = [await connect(), await connect()];
      const [exact, plus, hash, other] = [inbox(), inbox(), inbox(), inbox()];
      await receiver.subscribe('s/a/b', exact.receive);
      await receiver.subscribe('s/+/b', plus.receive);
      await receiver.subscribe('s/#', hash.receive);
      await receiver.subscribe('s/a', other.receive);
      await sender.publish('s/a/b', bytes(300_000));
      for (const box of [exact, plus, hash]) expect((await box.next()).payload).toEqual(bytes(300_000));
      expect(other.messages).toEqual([]);
    });

    test('keeps the order of one sender', async () => {
      const [sender, receiver] = [await connect(), await connect()];
      const box = inbox();
      await receiver.subscribe('s/order', box.receive);
      for (let index = 0; index < 50; index++) await sender.publish('s/order', Uint8Array.of(index));
      await box.until(50);
      expect(box.messages.map(({ payload }) => payload[0])).toEqual(Array.from({ length: 50 }, (_, i) => i));
    });

    test('gives a retained message to those who come later, until it is cleared', async () => {
      const sender = await connect();
      await sender.publish('s/kept', bytes(9), { retain: true });
      const late = inbox();
      const receiver = await connect();
      await receiver.subscribe('s/kept', late.receive);
      expect((await late.next()).payload).toEqual(bytes(9));
      await sender.publish('s/kept', new Uint8Array(0), { retain: true });
      expect((await late.next()).payload).toEqual(new Uint8Array(0));
      const later = inbox();
      await (await connect()).subscribe('s/+', later.receive);
      await sender.publish('s/mark', bytes(1));
      expect((await later.next()).topic).toBe('s/mark');
    });

    test('hears nothing more after a subscription is closed', async () => {
      const transport = await connect();
      const [closed, open] = [inbox(), inbox()];
      const subscription = await transport.subscribe('s/x', closed.receive);
      await transport.subscribe('s/+', open.receive);
      await subscription.close();
      await transport.publish('s/x', bytes(1));
      await open.next();
      expect(closed.messages).toEqual([]);
    });

    test('refuses a publish after close, and closes twice without harm', async () => {
      const transport = await connect();
      await transport.close();
      await transport.close();
      expect(transport.isConnected).toBe(false);
      await expect(transport.publish('s/x', bytes(1))).rejects.toMatchObject({ code: 'closed' });
      await expect(transport.subscribe('s/x', () => {})).rejects.toMatchObject({ code: 'closed' });
    });

    test('publishes the will when a connection dies, not when it says goodbye', async (context) => {
      if (!broker.sever) return context.skip('the broker cannot sever a connection');
      const watcher = await connect();
      const box = inbox();
      await watcher.subscribe('s/will/+', box.receive);
      const polite = await connect({ topic: 's/will/polite', payload: bytes(2), retain: true });
      const doomed = await connect({ topic: 's/will/doomed', payload: bytes(3), retain: true });
      await polite.close();
      await broker.sever(doomed);
      expect(await box.next()).toEqual({ topic: 's/will/doomed', payload: bytes(3) });
    });

    test('connects again by itself and renews its subscriptions', async (context) => {
      if (!broker.sever) return context.skip('the broker cannot sever a connection');
      const [sender, receiver] = [await connect(), await connect()];
      const [box, states] = [inbox(), [] as string[]];
      receiver.onStateChange((state) => states.push(state));
      await receiver.subscribe('s/again', box.receive);
      await broker.sever(receiver);
      await eventually(() => receiver.isConnected && states.at(-1) === 'connected');
      expect(states).toEqual(['lost', 'connected']);
      await sender.publish('s/again', bytes(5));
      expect((await box.next()).payload).toEqual(bytes(5));
    });

    test('refuses to publish while the broker is away, and works again once it is back', async (context) => {
      if (!broker.restart) return context.skip('the broker cannot restart');
      const [sender, receiver] = [await connect(), await connect()];
      const [box, outcomes] = [inbox(), [] as unknown[]];
      sender.onStateChange((state) => {
        const attempt = state === 'lost' ? sender.publish('s/away', bytes(1)) : undefined;
        attempt?.then(
          () => outcomes.push('sent'),
          (error) => outcomes.push(error),
        );
      });
      await receiver.subscribe('s/back', box.receive);
      await broker.restart();
      await eventually(() => outcomes.length > 0);
      expect(outcomes[0]).toMatchObject({ code: 'broker-unreachable' });
      await eventually(() => sender.isConnected && receiver.isConnected);
      await sender.publish('s/back', bytes(6));
      expect((await box.next()).payload).toEqual(bytes(6));
    });
  });
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + length) & 255);
}

interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** Collects messages; `next` gives each once, in order. */
function inbox() {
  const messages: Message[] = [];
  let taken = 0;
  const until = (count: number) => eventually(() => messages.length >= count);
  return {
    messages,
    until,
    receive: (topic: string, payload: Uint8Array) => {
      messages.push({ topic, payload: Uint8Array.from(payload) });
    },
    next: async () => {
      taken += 1;
      await until(taken);
      const message = messages[taken - 1];
      if (!message) throw new Error('no message');
      return message;
    },
  };
}

/** Waits for a condition; a test that waits in vain ends by the runner's time limit. */
async function eventually(isMet: () => boolean): Promise<void> {
  while (!isMet()) await new Promise((resolve) => setTimeout(resolve, 5));
}

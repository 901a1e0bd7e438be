/** What is asked of every broker. A check that is needed must be `yes`; of the others the table says what is. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import { systemClock } from '../../sdk/src/clock.ts';
import { createRequestClient } from '../../sdk/src/transport/request-client.ts';
import { createRequestServer, offlineWill } from '../../sdk/src/transport/request-server.ts';
import type { Transport } from '../../sdk/src/transport/transport.ts';
import { connectTo, type Link, PASSWORD, type Who } from './broker.ts';

export interface Check {
  readonly name: string;
  readonly isNeeded: boolean;
  /** A word for the table. Throws where something went wrong. */
  run(link: Link): Promise<string>;
}

const clock = systemClock();
const WAIT_MS = 20_000;
const MODELS = [{ name: 'm', digest: 'd', cuts: [] }];

export const CHECKS: readonly Check[] = [
  needed('150 KB request, 64 KiB parts', (link) => withPair(link, (ask) => roundTrip(ask, 150_000))),
  needed('8 MB request and reply', (link) => withPair(link, (ask) => roundTrip(ask, 8_000_000))),
  needed('50 requests at once, each its own answer', (link) =>
    withPair(link, async (ask) => {
      const sizes = Array.from({ length: 50 }, (_, index) => 100 + index * 1_000);
      const all = await Promise.all(sizes.map((bytes) => roundTrip(ask, bytes)));
      return all.every((one) => one === 'yes') ? 'yes' : 'no';
    }),
  ),
  needed('gateway found by hello', findByHello),
  needed('requests again after the broker was killed', afterRestart),
  told('retained message, exact topic', (link) =>
    retained(link, 'cutpoint/dev/dev/rep', 'cutpoint/dev/dev/rep'),
  ),
  told('retained message, wildcard', (link) => retained(link, 'cutpoint/gw/gw/st', 'cutpoint/gw/+/st')),
  told('will of a gateway that died', will),
  told('shared subscription', sharedSubscription),
  told('packet limit told in CONNACK', async (link) => {
    const transport = await connectTo(link, 'dev');
    const { maxPacketBytes } = transport;
    await transport.close();
    return Number.isFinite(maxPacketBytes) ? `${maxPacketBytes} bytes` : 'no';
  }),
  told('request over WebSocket', async (link) => {
    const { webSocketUrl: url } = link.broker;
    return url === undefined ? 'not run' : await withPair(link, (ask) => roundTrip(ask, 150_000), url);
  }),
  fenced('a wrong password is refused', async (link) => {
    const wrong = connectTo(link, 'dev', { password: 'a password of somebody' });
    return await wrong.then(
      async (transport) => {
        await transport.close();
        return 'no';
      },
      () => 'yes',
    );
  }),
  fenced("another's replies cannot be heard", async (link) => {
    const filters = ['cutpoint/dev/other/rep', '#', 'cutpoint/#', 'cutpoint/dev/+/rep'];
    for (const filter of filters) if (await hears(link, filter, 'cutpoint/dev/other/rep')) return 'no';
    return 'yes';
  }),
  fenced("another's requests cannot be taken", async (link) => {
    for (const filter of ['$share/g/cutpoint/gw/gw/req/+', 'cutpoint/gw/gw/req/+'])
      if (await hears(link, filter, 'cutpoint/gw/gw/req/other', 'other')) return 'no';
    return 'yes';
  }),
  fenced("replies cannot be forged, nor another's name used", forges),
];

function needed(name: string, run: Check['run']): Check {
  return { name, isNeeded: true, run };
}

function told(name: string, run: Check['run']): Check {
  return { name, isNeeded: false, run };
}

function fenced(name: string, run: Check['run']): Check {
  return {
    name,
    isNeeded: true,
    run: (link) => (link.broker.hasLogins ? run(link) : Promise.resolve('no logins')),
  };
}

type Ask = (frame: Uint8Array) => Promise<Uint8Array>;

async function withPair(link: Link, use: (ask: Ask) => Promise<string>, url?: string): Promise<string> {
  const gateway = await connectTo(link, 'gw', { will: offlineWill({ gatewayId: 'gw' }) });
  const device = await connectTo(link, 'dev', url === undefined ? {} : { url });
  const server = createRequestServer({
    ...{ transport: gateway, gatewayId: 'gw', clock },
    announce: () => ({ state: 'ready', models: MODELS, maxPayloadBytes: 1 << 26 }),
    handle: async ({ tensors: [first] }) => ({
      tensors: [{ name: 'y', frame: first?.frame.toReversed() ?? new Uint8Array(0) }],
      ...{ queueMs: 0, decodeMs: 0, tailMs: 0, encodeMs: 0 },
    }),
  });
  const randomId = () => randomBytes(9).toString('hex');
  const client = createRequestClient({ transport: device, deviceId: 'dev', clock, randomId });
  try {
    await server.start();
    await client.start();
    await client.waitForGateway('m', { deadlineMs: WAIT_MS });
    const fields = { model: 'm', digest: 'd', cut: 'c', fetches: ['y'], replyProfile: 'p' };
    return await use(async (frame) => {
      const request = { ...fields, tensors: [{ name: 'x', frame }] };
      const reply = await client.request('gw', request, { deadlineMs: WAIT_MS });
      return reply.tensors[0]?.frame ?? new Uint8Array(0);
    });
  } finally {
    await client.close();
    await server.stop();
    await Promise.all([device.close(), gateway.close()]);
  }
}

async function roundTrip(ask: Ask, bytes: number): Promise<string> {
  const frame = new Uint8Array(randomBytes(bytes));
  return Buffer.compare(await ask(frame), frame.toReversed()) === 0 ? 'yes' : 'no';
}

/** By the question alone: nothing is retained here. */
async function findByHello(link: Link): Promise<string> {
  const gateway = await connectTo(link, 'gw');
  const answered = new Promise<string>((resolve) => {
    void gateway.subscribe('cutpoint/hello/+', (topic) => {
      resolve(topic);
      void gateway.publish('cutpoint/dev/dev/rep', new Uint8Array(3));
    });
  });
  await sleep(300);
  const device = await connectTo(link, 'dev');
  const heard = new Promise<number>((resolve) => {
    void device.subscribe('cutpoint/dev/dev/rep', (_, bytes) => resolve(bytes.length));
  });
  await sleep(300);
  await device.publish('cutpoint/hello/dev', new Uint8Array(1));
  const answer = await within(Promise.all([answered, heard]));
  await Promise.all([device.close(), gateway.close()]);
  return answer?.[0] === 'cutpoint/hello/dev' && answer[1] === 3 ? 'yes' : 'no';
}

async function afterRestart(link: Link): Promise<string> {
  const { broker } = link;
  if (!broker.restart) return 'not run';
  return await withPair(link, async (ask) => {
    await roundTrip(ask, 1_000);
    await broker.restart?.();
    const endMs = performance.now() + 60_000;
    while (performance.now() < endMs) {
      const again = await roundTrip(ask, 150_000).catch(() => 'no');
      if (again === 'yes') return again;
      await sleep(200);
    }
    return 'no';
  });
}

async function retained(link: Link, topic: string, filter: string): Promise<string> {
  const gateway = await connectTo(link, 'gw');
  await gateway.publish(topic, new Uint8Array(5), { retain: true });
  await sleep(500);
  const device = await connectTo(link, 'dev');
  const heard = new Promise<number>((resolve) => {
    void device.subscribe(filter, (_, bytes) => resolve(bytes.length));
  });
  const length = await within(heard, 1_500);
  await gateway.publish(topic, new Uint8Array(0), { retain: true });
  await Promise.all([device.close(), gateway.close()]);
  return length === 5 ? 'yes' : 'no';
}

async function will(link: Link): Promise<string> {
  const device = await connectTo(link, 'dev');
  const heard = new Promise<boolean>((resolve) => {
    void device.subscribe('cutpoint/gw/+/st', (_, bytes) => bytes.length === 7 && resolve(true));
  });
  await sleep(300);
  const doomed = await mqtt.connectAsync(link.broker.gatewayUrl, {
    ...loginOf(link, 'gw'),
    will: { topic: 'cutpoint/gw/gw/st', payload: Buffer.alloc(7), qos: 0, retain: false },
  });
  doomed.on('error', () => {});
  doomed.stream.destroy();
  doomed.end(true);
  const isHeard = await within(heard, 5_000);
  await device.close();
  return isHeard ? 'yes' : 'no';
}

/** Granted says nothing: each message must come, and to one member only. */
async function sharedSubscription(link: Link): Promise<string> {
  const join = () =>
    mqtt.connectAsync(link.broker.gatewayUrl, { ...loginOf(link, 'gw'), reconnectPeriod: 0 });
  const members = await Promise.all([join(), join()]);
  const sender = await connectTo(link, 'dev');
  let heard = 0;
  try {
    for (const member of members) {
      member.on('error', () => {});
      member.on('message', () => {
        heard += 1;
      });
      // A broker may also end the connection, without an answer.
      const ended = new Promise<never>((_, reject) =>
        member.once('close', () => reject(new Error('closed'))),
      );
      const [granted] = await Promise.race([member.subscribeAsync('$share/g/cutpoint/gw/gw/req/+'), ended]);
      if (!granted || granted.qos >= 128) return 'refused';
    }
    for (let index = 0; index < 10; index++)
      await sender.publish('cutpoint/gw/gw/req/dev', new Uint8Array(2));
    await sleep(1_000);
    return heard === 10 ? 'yes' : `granted, ${heard} of 10 delivered`;
  } catch {
    return 'refused';
  } finally {
    await Promise.all(members.map((member) => member.endAsync(true)));
    await closed(sender);
  }
}

/** Whether `dev` gets what is published to a topic that is not its own. */
async function hears(link: Link, filter: string, topic: string, from: Who = 'gw'): Promise<boolean> {
  const [device, sender] = [await connectTo(link, 'dev'), await connectTo(link, from)];
  let heard = 0;
  await device
    .subscribe(filter, (on) => {
      if (on === topic) heard += 1;
    })
    .catch(() => {});
  await sender.publish(topic, new Uint8Array(2)).catch(() => {});
  await sleep(300);
  await Promise.all([closed(device), closed(sender)]);
  return heard > 0;
}

const FORGED = Uint8Array.of(7, 7, 7);

async function forges(link: Link): Promise<string> {
  const owner = await connectTo(link, 'other');
  const gateway = await connectTo(link, 'gw');
  let forged = 0;
  // Announcements that were kept come as well; these three bytes are nobody's.
  const watch = (_: string, bytes: Uint8Array) => {
    if (Buffer.compare(bytes, FORGED) === 0) forged += 1;
  };
  await owner.subscribe('cutpoint/dev/other/rep', watch);
  await owner.subscribe('cutpoint/gw/+/st', watch);
  await gateway.subscribe('cutpoint/gw/gw/req/+', watch);
  for (const topic of ['cutpoint/dev/other/rep', 'cutpoint/gw/gw/st', 'cutpoint/gw/gw/req/other']) {
    const rogue = await connectTo(link, 'dev');
    await rogue.publish(topic, FORGED).catch(() => {});
    await sleep(200);
    await closed(rogue);
  }
  await Promise.all([owner.close(), gateway.close()]);
  return forged === 0 ? 'yes' : 'no';
}

function loginOf({ broker, version }: Link, who: Who) {
  const login = broker.hasLogins ? { username: who, password: PASSWORD } : {};
  return { ...login, protocolVersion: version, connectTimeout: 15_000 } as const;
}

async function within<T>(wanted: Promise<T>, limitMs = WAIT_MS): Promise<T | undefined> {
  return await Promise.race([wanted, sleep(limitMs, undefined, { ref: false })]);
}

/** A broker that ends connections for what it refuses leaves one that is connecting again. */
function closed(transport: Transport): Promise<void> {
  return transport.close().catch(() => {});
}

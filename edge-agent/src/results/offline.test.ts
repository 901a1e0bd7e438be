/** A day without the cloud, at a clock that runs faster: bounded on the disk, answered in order afterwards, nothing twice. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import { connectMqtt, openMqtt, type Transport } from '@cutpoint/sdk/gateway';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AedesBroker, startAedes } from '../../../test/support/aedes.ts';
import { openGate } from '../../../test/support/tcp-gate.ts';
import { nodeDisk } from '../disk/node-disk.ts';
import { createStoredInputs, type StoredInput, type StoredInputs } from '../inputs/stored-inputs.ts';
import { type DiskQueue, openDiskQueue } from '../queue/disk-queue.ts';
import { createOutbox, type Outbox } from './outbox.ts';

/** Between two inputs. */
const PAUSE_MS = 240_000;
const DAY_INPUTS = 86_400_000 / PAUSE_MS;
/** Room for most of a day, not for all of it. */
const MAX_BYTES = 80_000;

let folder: string;
let broker: AedesBroker;
let gate: Gate;
let consumer: Transport;
let device: Transport;
let nowMs: number;
let isCloudThere: boolean;
let answeredIds: string[];
/** Sequence and id of each result that the consumer got. */
let received: { sequence: number; id: string }[];
const stops: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-offline-'));
  broker = await startAedes();
  gate = await openLink(broker.port);
  consumer = await connectMqtt({ url: broker.url, reconnectMs: 20 });
  received = [];
  await consumer.subscribe('out/net', (_topic, payload) => {
    received.push(JSON.parse(Buffer.from(payload).toString()));
  });
  [nowMs, isCloudThere, answeredIds] = [1e12, true, []];
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await gate.close();
  await consumer.close();
  await broker.close();
  await rm(folder, { recursive: true });
});

const queueIn = (name: string): Promise<DiskQueue> =>
  openDiskQueue({
    disk: nodeDisk(),
    folder: join(folder, name),
    maxBytes: MAX_BYTES,
    maxAgeMs: DAY_INPUTS * PAUSE_MS,
    now: () => nowMs,
  });

const idOf = ({ body }: StoredInput) => (body.json as { id: string }).id;

interface Parts {
  readonly outbox: Outbox;
  readonly stored: StoredInputs;
}

async function openParts(): Promise<Parts> {
  device = openMqtt({ url: gate.url, reconnectMs: 20 });
  const inputs = await queueIn('inputs');
  const outbox = await createOutbox({
    queue: await queueIn('outbox'),
    transport: device,
    echoTopic: 'echo',
    forgetInput: inputs.take,
  });
  const stored = await createStoredInputs({
    queue: inputs,
    outbox,
    topicOf: (model) => `out/${model}`,
    async answer(input) {
      if (!isCloudThere) throw new SplitError('gateway-unavailable', 'none');
      answeredIds.push(idOf(input));
      return JSON.stringify({ id: idOf(input) });
    },
    failed: (input) => JSON.stringify({ id: idOf(input) }),
  });
  const own = device;
  stops.push(
    () => own.close(),
    () => outbox.stop(),
    () => stored.stop(),
  );
  return { outbox, stored };
}

const input = (number: number): StoredInput => ({
  model: 'net',
  body: { json: { id: `i${number}` }, binary: new Uint8Array(200) },
});

async function bytesOnDisk(): Promise<number> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.records'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe('after a day without the cloud', () => {
  it('inputs are bounded by bytes and age, answered in order, each once, and results come in order', async () => {
    const { stored, outbox } = await openParts();
    isCloudThere = false;
    // A day and an hour: what came in the first hour is too old by then, or had to make room.
    const total = DAY_INPUTS + 15;
    for (let number = 0; number < total; number++) {
      await stored.put(input(number));
      nowMs += PAUSE_MS;
      if (number % 50 === 0) expect(await bytesOnDisk()).toBeLessThanOrEqual(MAX_BYTES);
    }
    const { count, dropped, bytes } = stored.state();
    expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
    expect(count + dropped).toBe(total);
    isCloudThere = true;
    await until(() => stored.state().count === 0 && outbox.state().count === 0);
    const kept = total - stored.state().dropped;
    const expected = Array.from({ length: kept }, (_, index) => `i${total - kept + index}`);
    expect(kept).toBeGreaterThan(200);
    expect(kept).toBeLessThan(DAY_INPUTS);
    expect(answeredIds).toEqual(expected);
    expect(received.map(({ id }) => id)).toEqual(expected);
    expect(received.map(({ sequence }) => sequence)).toEqual(expected.map((_, index) => index + 1));
  });

  it('results wait for the link, and one that breaks while they drain costs no result and no order', async () => {
    const { outbox } = await openParts();
    await until(() => device.isConnected);
    await gate.close();
    await until(() => !device.isConnected);
    for (let number = 0; number < 200; number++)
      await outbox.put({ topic: 'out/net', json: JSON.stringify({ id: `r${number}` }) });
    expect(received).toEqual([]);
    await gate.open();
    for (const seen of [30, 80, 130]) {
      await until(() => received.length > seen);
      gate.sever();
    }
    await until(() => outbox.state().count === 0);
    // What was on its way when the link broke is sent again, and its number says so.
    const news = received.filter(
      ({ sequence }, at) => received.findIndex((each) => each.sequence === sequence) === at,
    );
    expect(news.map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, index) => `r${index}`));
    expect(received.length - news.length).toBeLessThanOrEqual(3 * 64);
  });

  it('an input whose result is on the disk already is not answered again after a power cut', async () => {
    const first = await openParts();
    isCloudThere = false;
    await first.stored.put(input(7));
    await first.stored.stop();
    await first.outbox.stop();
    await device.close();
    // As it is when power was cut between the two: the result is there, the input is not yet forgotten.
    const left = await queueIn('outbox');
    const sequence = (await queueIn('inputs')).state().lastSequence;
    await left.put(
      Buffer.from(JSON.stringify({ topic: 'out/net', json: '{"id":"i7"}', inputSequence: sequence })),
    );
    isCloudThere = true;
    const second = await openParts();
    await until(() => second.outbox.state().count === 0 && received.length > 0);
    expect(second.stored.state().count).toBe(0);
    expect(answeredIds).toEqual([]);
    expect(received.map(({ id }) => id)).toEqual(['i7']);
  });
});

/** The device's way to the broker, at one address, whoever closes and opens it. */
interface Gate {
  readonly url: string;
  open(): Promise<void>;
  sever(): void;
  close(): Promise<void>;
}

async function openLink(target: number): Promise<Gate> {
  let now = await openGate(target);
  const { port } = now;
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async open() {
      now = await openGate(target, port);
    },
    sever: () => now.sever(),
    close: () => now.close(),
  };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2_000; tries++) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it never came');
}

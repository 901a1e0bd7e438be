/**
 * Updates with a fault in each: `CUTPOINT_OTA_UPDATES` of them, 15 unless told; the nightly run asks for 500. A local application
 * asks all the while. No answer may be wrong for the version that it names, no request may be lost but with the power, and after
 * each update the device has the version that it should have.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectMqtt, type Transport } from '@cutpoint/sdk/gateway';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AedesBroker, startAedes } from '../support/aedes.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { createPublisher, type Publisher } from './bundles.ts';
import { createDevice, type Device } from './device.ts';
import { FAULTS, type Fault } from './faults.ts';
import { type FleetSide, fleetSide, type Reported } from './fleet-side.ts';
import { startWeakServer, type WeakServer } from './weak-server.ts';

const UPDATES = Number(process.env.CUTPOINT_OTA_UPDATES ?? 15);
const SEED = Number(process.env.CUTPOINT_SEED ?? 1);
const FIRST_SEED = 3;
const SLOW_MACHINE_MS = 120_000;
/** Operations on the disk that an update takes, and some: a cut after it is a cut while nothing happens. */
const OPERATIONS = 75;

let folder: string;
let publisher: Publisher;
let server: WeakServer;
let broker: AedesBroker;
let transport: Transport;
let fleet: FleetSide;
let device: Device;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-ota-'));
  publisher = await createPublisher();
  server = await startWeakServer(publisher.folder);
  broker = await startAedes();
  transport = await connectMqtt({ url: broker.url });
  fleet = await fleetSide(transport, 'd1');
  await writeFile(join(folder, 'net.onnx'), smallConvNet({ seed: FIRST_SEED }));
  const config = join(folder, 'edge.yaml');
  await writeFile(
    config,
    [
      `broker: ${broker.url}`,
      'device: d1',
      'models: {net: net.onnx}',
      'listen: 127.0.0.1:0',
      'connectTimeoutMs: 0',
      'logLevel: silent',
      'runtime: {threads: 1}',
      `updates: {keys: '${publisher.keyPath}', probationMs: 1000, cacheBytes: 100000}`,
    ].join('\n'),
  );
  device = createDevice(config);
  await device.start();
}, SLOW_MACHINE_MS);
afterAll(async () => {
  await device?.stop();
  await transport?.close();
  await broker?.close();
  await server?.close();
  await publisher?.close();
  await rm(folder, { recursive: true, force: true });
});

describe(`over the air, seed ${SEED}`, () => {
  const random = numbersFrom(SEED);
  /** What each version answers to the one question. */
  const expectations = new Map<string, Float32Array>();
  let inUse = 'base';
  let highest = 0;
  let answered = 0;
  let cuts = 0;

  it(`keeps a version that works through ${UPDATES} updates, each with a fault`, {
    timeout: SLOW_MACHINE_MS + UPDATES * 20_000,
  }, async () => {
    const counts = new Map<string, number>();
    expectations.set('base', await publisher.answerOf(FIRST_SEED));
    for (let number = 1; number <= UPDATES; number++) {
      // First each fault once, then as they come, half of them power cuts.
      const fault =
        FAULTS[number - 1] ??
        (random() < 0.5 ? CUT : (FAULTS[Math.floor(random() * FAULTS.length)] as Fault));
      counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
      await update(number, fault);
      checkAnswers(`update ${number}, ${fault.name}`);
      expect(device.errors, `update ${number}, ${fault.name}`).toEqual([]);
      if (number % 50 === 0) console.log(`${number} updates, ${answered} answers`);
    }
    console.log(
      `${UPDATES} updates, seed ${SEED}: ${[...counts].map(([name, count]) => `${count} ${name}`).join(', ')}; ` +
        `${cuts} cuts hit; ${server.resumed} fetches resumed; ${answered} answers, none wrong, none lost`,
    );
  });

  async function update(number: number, fault: Fault): Promise<void> {
    const version = `v${number}`;
    const counter = fault.isDowngrade ? highest - 1 : number;
    if (fault.isDowngrade && highest < 1) return;
    const expected = await publisher.publish({ seed: 100 + number, version, counter, ...fault.publish });
    if (expected !== undefined) expectations.set(version, expected);
    // What it cannot do must be asked of it while it is on probation.
    device.askInPairs(fault.ends !== 'installed' && fault.ends.outcome === 'rolled-back');
    if (fault.losesLink) server.cutAfter(Math.floor(random() * 14_000));
    if (fault.fillsDisk) device.send({ full: Math.floor(random() * 6_000) });
    if (fault.cutsPower) {
      const operations = Math.floor(random() * OPERATIONS);
      device.send({ cut: { operations, share: random(), seed: Math.floor(random() * 2 ** 31) } });
    }
    await fleet.want({ version: number, models: { net: { bundle: `${server.url}/${version}` } } });
    if (fault.cutsPower) await cutOrDone(number);
    const isThrough = ({ desired }: Reported) =>
      desired?.version === number &&
      desired.steps.every(({ state }) => state !== 'waiting' && state !== 'doing');
    const through = await fleet.until(`through with ${number}, ${fault.name}`, isThrough);
    if (fault.fillsDisk) device.send({ full: null });
    await checkEnd(fault, version, through);
    if (fault.ends === 'installed' || fault.ends.outcome === 'rolled-back')
      highest = Math.max(highest, counter);
  }

  /** The plug is pulled and put in again until the update is through: what is cut may be the second start. */
  async function cutOrDone(number: number): Promise<void> {
    const isDone = fleet.until(
      'done',
      ({ desired }) => desired?.version === number && desired.steps.every(({ state }) => state === 'done'),
      SLOW_MACHINE_MS,
    );
    isDone.catch(() => {});
    const how = await Promise.race([device.ended, isDone.then(() => undefined)]);
    if (how === undefined) return device.send({ cut: { operations: 1e9, share: 0, seed: 0 } });
    cuts += 1;
    await device.start();
    const { version } = await device.ask(1);
    expect([inUse, `v${number}`], 'the version after the power cut').toContain(version);
  }

  async function checkEnd(fault: Fault, version: string, { models }: Reported): Promise<void> {
    if (fault.ends === 'installed') {
      inUse = version;
      await fleet.until(
        `confirmed ${version}`,
        (now) => now.models.net?.version === version && now.models.net.isConfirmed,
      );
      expect((await device.ask(1)).version).toBe(version);
      return;
    }
    const { outcome, reason } = fault.ends;
    if (outcome === 'rolled-back') {
      const back = await fleet.until('rolled back', (now) => now.models.net?.last?.outcome === outcome);
      expect(back.models.net).toMatchObject({
        version: inUse,
        last: { version, reason: expect.stringMatching(reason) },
      });
    } else expect(models.net?.last).toMatchObject({ outcome, reason: expect.stringMatching(reason) });
    expect((await device.ask(1)).version).toBe(inUse);
  }

  /** Those that came since the last look. */
  function checkAnswers(when: string): void {
    for (const answer of device.answers.splice(0)) {
      answered += 1;
      const expected = expectations.get(answer.version) ?? [];
      expect(answer.data, when).toHaveLength(answer.rows * expected.length);
      for (const [index, value] of answer.data.entries())
        expect(value, when).toBeCloseTo(expected[index % expected.length] as number, 4);
    }
  }
});

const CUT = FAULTS.find(({ cutsPower }) => cutsPower) as Fault;

function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

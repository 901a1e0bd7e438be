/**
 * `npm run -s bench -- gateway`: what the gateway adds to a bare loop of onnxruntime-node, what overload costs whom, and whether
 * memory stays. ResNet-50 with random weights from a third of its depth, for the reloads a small net; one thread for the runtime, in the executor's own
 * process; devices are MQTT clients of this process at a broker inside it, so they and the gateway share the other core.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfig } from '../../../cloud-gateway/src/config.ts';
import { type Gateway, startGateway } from '../../../cloud-gateway/src/gateway.ts';
import { createCodec } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import { isSplitError } from '../../../sdk/src/errors.ts';
import { createOrtProcess } from '../../../sdk/src/runtime/ort-process.ts';
import { openExecutor } from '../../../sdk/src/session/open-executor.ts';
import { openModel } from '../../../sdk/src/session/open-model.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import { connectDevice } from '../../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { resnet50 } from '../../support/models/resnet50.ts';
import { smallConvNet } from '../../support/models/small-conv-net.ts';
import type { Suite } from '../main.ts';
import { SHAPE } from '../split/plain.ts';
import { median } from '../statistics.ts';

const DEPTH = 1 / 3;
const LOOP_SECONDS = 5;
const RELOADS = 200;
const PATIENT_MS = 60_000;

export const gatewaySuite: Suite = {
  async run(progress) {
    const folder = mkdtempSync(join(tmpdir(), 'cutpoint-bench-gateway-'));
    mkdirSync(join(folder, 'net'));
    writeFileSync(join(folder, 'net', 'model.onnx'), resnet50());
    writeFileSync(join(folder, 'net', 'cutpoint.json'), JSON.stringify({ inputs: { input: SHAPE } }));
    mkdirSync(join(folder, 'small'));
    writeFileSync(join(folder, 'small', 'model.onnx'), smallConvNet());
    const gateway = await startGateway(
      resolveConfig({ models: folder, listen: '127.0.0.1:0', threads: 1, maxCuts: 8, decodeThreads: 0 }),
    );
    try {
      const world = await makeWorld(gateway, join(folder, 'net', 'model.onnx'));
      progress(`cut ${world.about}`);
      const figures = await measure(gateway, world, progress);
      const reloadRssRatio = await measureReloads(gateway, world, progress);
      await world.close();
      return { ...figures, ...reloadRssRatio };
    } finally {
      await gateway.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface World {
  readonly about: string;
  /** The tail by itself in a process of its own, milliseconds as that process's thread sees them. */
  bare(): Promise<number>;
  /** One request of a device; its time until the answer, and the runtime's part. Rejects with what the gateway says. */
  request(deadlineMs: number): Promise<{ readonly totalMs: number }>;
  /** The whole of a small model, which is loaded anew all the while. */
  requestSmall(): Promise<unknown>;
  close(): Promise<void>;
}

async function makeWorld(gateway: Gateway, path: string): Promise<World> {
  const runtime = await createOrtProcess({ threads: 1 });
  const model = await openModel(fileSource(path), runtime, { inputShapes: { input: SHAPE } });
  const served = gateway.repository.find('net');
  const offered = (served?.announcement.cuts ?? []).flatMap(({ id }) =>
    model.cuts.filter((cut) => cut.id === id),
  );
  const [cut] = offered.toSorted((a, b) => Math.abs(a.depth - DEPTH) - Math.abs(b.depth - DEPTH));
  if (cut === undefined || served === undefined) throw new Error('the gateway offers no cut');
  const separate = await openExecutor(model, [cut], runtime, { kind: 'separate' });
  const input = randomTensor(randomNumbers(1), SHAPE);
  const names = cut.tensors.map(({ name }) => name);
  const { values } = await separate.run({ to: cut, feeds: { input }, fetches: names });
  const codec = createCodec({ deflate: deflateNode() });
  const tensors: { name: string; frame: Uint8Array }[] = [];
  for (const [name, tensor] of Object.entries(values))
    tensors.push({ name, frame: await codec.encode(tensor, 'uint8+context') });
  const device = await connectDevice(gateway.brokerUrl);
  await device.client.waitForGateway('net', { deadlineMs: 5_000 });
  const body = {
    model: 'net',
    digest: model.digest,
    cut: cut.id,
    tensors,
    fetches: ['output'],
    replyProfile: 'float32',
  };
  const picture = await codec.encode(randomTensor(randomNumbers(2), [1, 3, 32, 32]), 'float32');
  const digest = gateway.repository.find('small')?.digest ?? '';
  const small = {
    ...{ ...body, model: 'small', digest, cut: 'input' },
    tensors: [{ name: 'input', frame: picture }],
  };
  return {
    about: `${cut.name}, depth ${cut.depth.toFixed(2)}, ${cut.bytes} bytes of floats, ${tensors.reduce((sum, { frame }) => sum + frame.length, 0)} on the wire`,
    async bare() {
      const { segmentMs } = await separate.run({ from: cut, feeds: values, fetches: ['output'] });
      return segmentMs.reduce((sum, ms) => sum + ms, 0);
    },
    async request(deadlineMs) {
      const startMs = performance.now();
      await device.client.request(gateway.id, body, { deadlineMs });
      return { totalMs: performance.now() - startMs };
    },
    async requestSmall() {
      await device.client.request(gateway.id, small, { deadlineMs: PATIENT_MS });
    },
    async close() {
      await device.close();
      await separate.close();
      await runtime.close();
    },
  };
}

async function measure(gateway: Gateway, world: World, progress: (text: string) => void) {
  for (let i = 0; i < 3; i++) {
    await world.bare();
    await world.request(PATIENT_MS);
  }
  const ratios: number[] = [];
  const bareMs: number[] = [];
  const full: number[] = [];
  let perSecond = 0;
  // In turns, since the machine is not the same from minute to minute.
  for (let round = 0; round < 3; round++) {
    const bare: number[] = [];
    const untilMs = performance.now() + (LOOP_SECONDS * 1000) / 2;
    while (performance.now() < untilMs) bare.push(await world.bare());
    const own = await closedLoop(world, 4);
    bareMs.push(median(bare));
    const barePerSecond = (1000 * bare.length) / bare.reduce((sum, ms) => sum + ms, 0);
    perSecond = own.perSecond;
    full.push(...own.totals);
    ratios.push(own.perSecond / barePerSecond);
    progress(`bare ${barePerSecond.toFixed(2)}/s, gateway ${own.perSecond.toFixed(2)}/s`);
  }
  const added = await measureAdded(gateway, world, { perSecond: perSecond * 0.7, progress });
  const atCapacity = quantile(full, 0.99);
  const overload = await measureOverload(gateway, world, {
    perSecond: 2 * perSecond,
    capacity: perSecond,
    deadlineMs: 1.4 * atCapacity,
  });
  progress(`p99 at capacity ${atCapacity.toFixed(0)} ms; ${JSON.stringify(overload)}`);
  return {
    throughputVsBare: median(ratios),
    ...added,
    overloadUsefulShare: overload.usefulShare,
    overloadP99Ratio: overload.acceptedP99Ms / atCapacity,
    refusalP99Ms: overload.refusalP99Ms,
  };
}

async function closedLoop(world: World, clients: number) {
  const totals: number[] = [];
  const startMs = performance.now();
  const client = async () => {
    while (performance.now() - startMs < LOOP_SECONDS * 1000)
      totals.push((await world.request(PATIENT_MS)).totalMs);
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { totals, perSecond: (totals.length * 1000) / (performance.now() - startMs) };
}

/** What the gateway adds between a request's last byte and its answer, besides waiting for its turn and the run itself. */
async function measureAdded(
  gateway: Gateway,
  world: World,
  { perSecond, progress }: { perSecond: number; progress(text: string): void },
) {
  const added: number[] = [];
  const stages: Record<'decode' | 'copy' | 'encode' | 'batch', number[]> = {
    ...{ decode: [], copy: [], encode: [], batch: [] },
  };
  const stop = gateway.events.on('request-finished', (event) => {
    added.push(event.totalMs - event.queueMs - event.tailMs);
    stages.decode.push(event.decodeMs);
    stages.copy.push(event.copyMs);
    stages.encode.push(event.encodeMs);
    stages.batch.push(event.batchSize);
  });
  await openLoop(perSecond, LOOP_SECONDS * 2, () => world.request(PATIENT_MS));
  stop();
  const medians = Object.entries(stages).map(([stage, values]) => [stage, quantile(values, 0.5)]);
  progress(`medians of stages ${JSON.stringify(Object.fromEntries(medians))}`);
  return { addedP50Ms: quantile(added, 0.5), addedP99Ms: quantile(added, 0.99) };
}

async function measureOverload(
  gateway: Gateway,
  world: World,
  o: { perSecond: number; capacity: number; deadlineMs: number },
) {
  const accepted: number[] = [];
  const refused: number[] = [];
  let [late, refusedLate] = [0, 0];
  const stop = gateway.events.on('request-refused', ({ wasAdmitted }) => {
    if (wasAdmitted) refusedLate += 1;
  });
  await openLoop(o.perSecond, LOOP_SECONDS * 2, async () => {
    const startMs = performance.now();
    try {
      accepted.push((await world.request(o.deadlineMs)).totalMs);
    } catch (error) {
      if (!isSplitError(error)) throw error;
      if (error.code === 'overloaded') refused.push(performance.now() - startMs);
      else late += 1;
    }
  });
  stop();
  return {
    usefulShare: accepted.length / (LOOP_SECONDS * 2) / o.capacity,
    acceptedP99Ms: quantile(accepted, 0.99),
    refusalP99Ms: quantile(refused, 0.99),
    refusalP50Ms: quantile(refused, 0.5),
    ...{ accepted: accepted.length, refused: refused.length, refusedLate, late },
  };
}

/** Requests at seeded random times, whether earlier ones are answered or not. */
async function openLoop(perSecond: number, seconds: number, send: () => Promise<unknown>): Promise<void> {
  const random = randomNumbers(11);
  const sent: Promise<unknown>[] = [];
  const startMs = performance.now();
  for (let atMs = 0; atMs < seconds * 1000; atMs += (-Math.log(1 - random()) * 1000) / perSecond) {
    const waitMs = startMs + atMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    sent.push(send());
  }
  await Promise.all(sent);
}

/** Unload, load and reload under load; memory of this process and the executor's, the last tenth against the first after warming. */
async function measureReloads(gateway: Gateway, world: World, progress: (text: string) => void) {
  const reloads = Number(process.env.CUTPOINT_RELOADS ?? RELOADS);
  let isOver = false;
  let failed = 0;
  const load = (async () => {
    while (!isOver)
      await world.requestSmall().catch((error: unknown) => {
        failed += 1;
        progress(String(error));
      });
  })();
  const rss: number[] = [];
  for (let i = 0; i < reloads; i++) {
    await gateway.repository.load('small');
    rss.push(residentMiB(process.pid) + residentMiB(gateway.executors[0]?.runtime.pid));
    if (i % 20 === 0) progress(`${i} reloads, ${rss.at(-1)?.toFixed(0)} MiB`);
  }
  isOver = true;
  await load;
  const part = Math.max(1, Math.floor(reloads / 10));
  return {
    reloadRssRatio: median(rss.slice(-part)) / median(rss.slice(part, 2 * part)),
    reloadFailures: failed,
  };
}

function residentMiB(pid: number | undefined): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

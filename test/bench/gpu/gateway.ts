/**
 * The gateway's batches on a graphics processor, against batches of one cut and against one by one:
 *   node test/bench/gpu/gateway.ts PROVIDER [ONNXRUNTIME] [SECONDS] [DECODE_THREADS]
 * PROVIDER is cuda or cpu; ONNXRUNTIME is the absolute path of onnxruntime-node's main file where it is not installed here.
 * ResNet-50 with random weights; requests are frames as devices send them, through the gateway's own decoder, batcher and
 * executor process; only MQTT is left out. Where nothing is installed: pack-gateway.ts makes one folder of it.
 * Prints one JSON object to stdout; `figures` holds those of docs/benchmarks.md.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDecodePool } from '../../../cloud-gateway/src/decode/decode-pool.ts';
import { createGatewayEvents } from '../../../cloud-gateway/src/events.ts';
import { silentLog } from '../../../cloud-gateway/src/log.ts';
import { prepareModel } from '../../../cloud-gateway/src/models/prepare-model.ts';
import type { ServedModel } from '../../../cloud-gateway/src/models/served-model.ts';
import { type PooledExecutor, startExecutors } from '../../../cloud-gateway/src/serving/executor-pool.ts';
import type { CodecProfile } from '../../../sdk/src/codec/codec.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import { resnet50 } from '../../support/models/resnet50.ts';
import { SHAPE } from '../split/plain.ts';
import { measureMemory } from './gateway-memory.ts';
import { makeRequests } from './gateway-requests.ts';
import { measureVariants } from './gateway-variants.ts';

const [provider = 'cuda', modulePath = '', seconds = '1.5', threads = '10'] = process.argv.slice(2);
const MAX_BATCH = 16;
const CUT_COUNTS = [4, 8];
const PROFILES: readonly CodecProfile[] = ['uint8+context', 'uint8'];
const say = (text: string) => console.error(`${new Date().toISOString()} ${text}`);

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-gpu-'));
try {
  const path = join(folder, 'resnet50.onnx');
  writeFileSync(path, resnet50());
  console.log(JSON.stringify(await measure(path), undefined, 1));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

async function measure(path: string) {
  const ort = { provider, ...(modulePath && { modulePath }) };
  const start = () =>
    startExecutors({
      ...{ providers: [provider], requireProvider: true, gpus: [], hangMs: 120_000, log: silentLog() },
      events: createGatewayEvents(),
      modulePath: modulePath || undefined,
    });
  const load = (executors: readonly PooledExecutor[], { maxBatch, maxCuts }: LoadOptions) =>
    prepareModel({
      ...{ name: 'resnet50', version: '1', source: fileSource(path), executors, maxBatch, maxCuts },
      ...{ inputShapes: { input: SHAPE }, log: silentLog() },
    });
  say('memory: a plain session, then what a gateway takes, each in a process of its own');
  const memory = await measureMemory({
    ...{ path, ort, maxBatch: MAX_BATCH, startExecutors: start, say },
    prepare: (executors) => load(executors, { maxBatch: MAX_BATCH, maxCuts: 8 }),
  });
  const executors = await start();
  const decoder = createDecodePool({ threads: Number(threads), tables: () => new Map() });
  const results = [];
  for (const cutCount of CUT_COUNTS) {
    say(`${cutCount} cuts: loading; batches are filled up to ${MAX_BATCH} rows`);
    const model = await load(executors, { maxBatch: MAX_BATCH, maxCuts: cutCount });
    // One by one is not filled up.
    const single = await load(executors, { maxBatch: 1, maxCuts: cutCount });
    say(JSON.stringify(aboutModel(model)));
    for (const profile of PROFILES) {
      const requests = await makeRequests(model, profile);
      const found = await measureVariants({
        ...{ model, single, requests, executors, decoder, secondsEach: Number(seconds), say },
        label: `${cutCount} cuts, ${profile}`,
      });
      results.push({ cutCount, profile, model: aboutModel(model), found });
    }
    await model.close();
    await single.close();
  }
  await decoder.close();
  await Promise.all(executors.map(({ runtime }) => runtime.close()));
  const description = executors.map(({ runtime, provider: seen }) => ({
    runtime: runtime.description,
    seen,
  }));
  return { description, threads: Number(threads), memory, results, figures: figuresOf(results, memory) };
}

interface LoadOptions {
  readonly maxBatch: number;
  readonly maxCuts: number;
}

function aboutModel({ batchCost, batching, announcement }: ServedModel) {
  const shares = [1, 2, 4, 8, 16, 32, 64].map((size) => [size, batchCost.shareAt(size)]);
  return {
    batching,
    mostUseful: batchCost.mostUseful,
    shares,
    announcement: { ...announcement, digest: undefined },
  };
}

type Results = readonly {
  cutCount: number;
  profile: string;
  found: Awaited<ReturnType<typeof measureVariants>>;
}[];

/** The worse of four and eight cuts, of the profile that gateways get: bytes, coded with contexts. */
function figuresOf(results: Results, memory: { readonly gpuMemoryRatio: number }) {
  const worst = (
    of: (found: Results[number]['found']) => number,
    isWorse: (...values: number[]) => number = Math.min,
  ) => isWorse(...results.filter(({ profile }) => profile === PROFILES[0]).map(({ found }) => of(found)));
  return {
    mixedVsPerCut8: worst(({ mixedVsPerCut }) => mixedVsPerCut[8] ?? Number.NaN),
    mixedVsPerCut16: worst(({ mixedVsPerCut }) => mixedVsPerCut[16] ?? Number.NaN),
    mixedVsPerCut64: worst(({ mixedVsPerCut }) => mixedVsPerCut[64] ?? Number.NaN),
    mixedVsSingle64: worst(({ mixedVsSingle64 }) => mixedVsSingle64),
    p99Ms64: worst(({ p99Ms64 }) => p99Ms64, Math.max),
    gpuMemoryRatio: memory.gpuMemoryRatio,
  };
}

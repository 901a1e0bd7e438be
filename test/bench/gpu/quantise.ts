/**
 * Heads that give bytes against heads that give floats, on any execution provider, for a host with a graphics processor:
 *   node test/bench/gpu/quantise.ts PROVIDER [ONNXRUNTIME] [ROUNDS]
 * as valve.ts is started. ResNet-50 with random weights, one row, four cuts; from the call of the head to the finished
 * frame of profile uint8 and uint8+context. Prints one JSON object to stdout: milliseconds as medians, taken in turns,
 * the bytes that leave the processor, and the largest difference of a symbol.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Codec, createCodec } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import type { Cut } from '../../../sdk/src/cut/cut.ts';
import type { Executor, ExecutorResult } from '../../../sdk/src/runtime/executor/executor.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { openExecutor } from '../../../sdk/src/session/open-executor.ts';
import { openModel } from '../../../sdk/src/session/open-model.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import type { Tensors } from '../../../sdk/src/tensor.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { resnet50 } from '../../support/models/resnet50.ts';
import { evenCuts } from '../split/cuts.ts';
import { SHAPE } from '../split/plain.ts';
import { interleaveAll, median } from '../statistics.ts';

const [provider = 'cpu', modulePath = '', rounds = '15'] = process.argv.slice(2);
const WARM_UP = 5;
const CUTS = 4;
const PROFILES = ['uint8', 'uint8+context'] as const;
type Profile = (typeof PROFILES)[number];

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
  const runtime = await createOrtNode({ provider, ...(modulePath && { modulePath }) });
  const model = await openModel(fileSource(path), runtime, { inputShapes: { input: SHAPE } });
  const cuts = evenCuts(model, CUTS + 1);
  const options = { kind: 'valve', quantise: 'on' } as const;
  const executor = await openExecutor(model, cuts, runtime, options);
  const codec = createCodec({ deflate: deflateNode() });
  const feeds: Tensors = { input: randomTensor(randomNumbers(1), SHAPE) };
  const rows = [];
  for (const cut of executor.cuts)
    for (const profile of PROFILES) rows.push(await compare({ executor, codec, feeds }, cut, profile));
  const { description } = runtime;
  await runtime.close();
  return { runtime: description, rounds: Number(rounds), rows };
}

interface Means {
  readonly executor: Executor;
  readonly codec: Codec;
  readonly feeds: Tensors;
}

async function compare({ executor, codec, feeds }: Means, cut: Cut, profile: Profile) {
  const fetches = cut.tensors.map(({ name }) => name);
  const head = (quantise: boolean) => executor.run({ to: cut, feeds, fetches, quantise });
  const [floats, bytes] = [await head(false), await head(true)];
  const variants = {
    floats: () => timed(async () => encodeFloats(codec, await head(false), profile)),
    bytes: () => timed(async () => encodeBytes(codec, await head(true), profile)),
  };
  await interleaveAll(variants, WARM_UP);
  const times = await interleaveAll(variants, Number(rounds));
  const savedMs = median(times.floats.map((ms, i) => ms - (times.bytes[i] ?? Number.NaN)));
  return {
    cut: cut.name,
    profile,
    floatBytes: sum(Object.values(floats.values).map(({ data }) => data.byteLength)),
    symbolBytes: sum(Object.values(bytes.quantised ?? {}).map(({ symbols }) => symbols.length)),
    floatsMs: median(times.floats),
    bytesMs: median(times.bytes),
    savedMs,
    worstErrorInSteps: worstError(floats, bytes),
  };
}

async function encodeFloats(codec: Codec, { values }: ExecutorResult, profile: Profile) {
  for (const tensor of Object.values(values)) await codec.encode(tensor, profile);
}

async function encodeBytes(codec: Codec, { quantised = {} }: ExecutorResult, profile: Profile) {
  for (const tensor of Object.values(quantised)) await codec.encodeQuantised(tensor, profile);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** Half a step is what rounding costs. */
function worstError({ values }: ExecutorResult, { quantised = {} }: ExecutorResult): number {
  const errors = Object.entries(quantised).flatMap(([name, { symbols, scale, zeroPoint }]) => {
    const floats = values[name]?.data as Float32Array;
    return Array.from(symbols, (symbol, i) => Math.abs(symbol - zeroPoint - (floats[i] as number) / scale));
  });
  return errors.reduce((worst, error) => Math.max(worst, error), 0);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/**
 * Makes the four plans of the adaptive suite, once: `node tools/run.mjs test/bench/adaptive/make-plans.ts`. Times and
 * sizes are measured on the machine that runs it; the device is that machine, so many times slower as each net says.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import sharp from 'sharp';
import type { SimulatedArm } from '../../../sdk/src/adaptive/simulated-plan.ts';
import { systemClock } from '../../../sdk/src/clock.ts';
import { type Codec, type CodecProfile, createCodec } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import { zstdNode } from '../../../sdk/src/codec/zstd-node.ts';
import { candidateCuts } from '../../../sdk/src/cut/candidates.ts';
import { type MeasuredModel, measureModel } from '../../../sdk/src/profiler/measure.ts';
import type { Executor } from '../../../sdk/src/runtime/executor/executor.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { openChain } from '../../../sdk/src/session/open-chain.ts';
import { openModel } from '../../../sdk/src/session/open-model.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import { memorySource } from '../../../sdk/src/source/memory.ts';
import type { Tensor, Tensors } from '../../../sdk/src/tensor.ts';
import { croppedInputs } from '../codec/pictures.ts';
import { median } from '../statistics.ts';
import { type BenchNet, benchNets } from './nets.ts';

const PROFILES: readonly CodecProfile[] = ['uint8+deflate', 'uint4+context'];
const LINK = { roundTripMs: 20, downlinkBitsPerSecond: 20e6, queueMs: 0 };
const JPEG_QUALITY = 90;
const codec = createCodec({ deflate: deflateNode(), zstd: zstdNode() });

async function planOf(net: BenchNet): Promise<string> {
  const runtime = await createOrtNode({ threads: 1 });
  const source = typeof net.file === 'string' ? fileSource(net.file) : memorySource(net.file);
  const inputShapes = { [net.input]: [1, 3, net.shape.height, net.shape.width] };
  const model = await openModel(source, runtime, { inputShapes });
  const executor = await openChain(model, candidateCuts(model.cuts, model.graph, { limit: 8 }), runtime);
  const [input] = (await croppedInputs(net.shape, 2)) as [Tensor];
  const feeds = { [net.input]: input };
  const fetches = model.outputs.map(({ name }) => name);
  const measured = await measureModel({ executor, clock: systemClock(), feeds, fetches, rounds: 11 });
  const { values } = await executor.run({
    feeds,
    fetches: [...new Set([...fetches, ...crossing(executor)])],
  });
  const reply = await replyOf(
    fetches.map((name) => values[name] as Tensor),
    net,
  );
  const arms = [
    deviceArm(measured, net),
    await inputArm(measured, net, reply),
    ...(await cutArms(measured, net, { values, reply })),
  ];
  await executor.close();
  await runtime.close();
  const madeBy = `make-plans.ts on one thread of ${cpus()[0]?.model ?? 'this processor'}, ${process.version}`;
  const { words, deviceSlowdown } = net;
  return `${JSON.stringify({ words, madeBy, deviceSlowdown, modelDigest: model.digest, link: LINK, arms }, null, 1)}\n`;
}

function crossing({ cuts }: Executor): readonly string[] {
  return cuts.flatMap(({ tensors }) => tensors.map(({ name }) => name));
}

interface ReplyCost {
  readonly receivedBytes: number;
  readonly decodeMs: number;
}

const FREE = { headMs: 0, encodeMs: 0, sentBytes: 0, tailMs: 0, receivedBytes: 0, decodeMs: 0 };

function deviceArm({ whole }: MeasuredModel, { deviceSlowdown }: BenchNet): SimulatedArm {
  const cost = { ...FREE, headMs: whole.medianMs * deviceSlowdown };
  return { id: 'device', kind: 'device', name: 'the device alone', depth: 1, cost };
}

async function cutArms(
  measured: MeasuredModel,
  net: BenchNet,
  { values, reply }: { readonly values: Tensors; readonly reply: ReplyCost },
): Promise<SimulatedArm[]> {
  const pairs = measured.cuts.flatMap((timed) => PROFILES.map((profile) => ({ timed, profile })));
  const arms: SimulatedArm[] = [];
  for (const { timed, profile } of pairs) {
    const { id, name, depth, tensors } = timed.cut;
    const frames = await timeCodec(
      tensors.map((tensor) => values[tensor.name] as Tensor),
      profile,
    );
    const onDevice = { headMs: timed.head.medianMs, encodeMs: frames.encodeMs };
    const cost = {
      headMs: onDevice.headMs * net.deviceSlowdown,
      encodeMs: onDevice.encodeMs * net.deviceSlowdown,
      sentBytes: frames.bytes,
      tailMs: timed.tail.medianMs + frames.decodeMs,
      ...reply,
    };
    arms.push({ id: `${id}/${profile}`, kind: 'split', name: `${name} as ${profile}`, depth, cost });
  }
  return arms;
}

/** The picture as a JPEG that a camera would hand over, and decoded on the other side. */
async function inputArm(
  { whole }: MeasuredModel,
  { shape }: BenchNet,
  reply: ReplyCost,
): Promise<SimulatedArm> {
  const pixels = sharp(new URL('../../../samples/ocr/assets/street-sign.jpg', import.meta.url).pathname);
  const jpeg = await pixels.resize(shape.width, shape.height).jpeg({ quality: JPEG_QUALITY }).toBuffer();
  const decodeMs = await medianTime(() => sharp(jpeg).raw().toBuffer());
  const tailMs = whole.medianMs + decodeMs;
  const cost = { headMs: 0, encodeMs: 0, sentBytes: jpeg.length, tailMs, ...reply };
  return { id: 'input/image', kind: 'cloud', name: 'the input as image', depth: 0, cost };
}

async function replyOf(tensors: readonly Tensor[], net: BenchNet) {
  const { bytes, decodeMs } = await timeCodec(tensors, 'float32+deflate');
  return { receivedBytes: bytes, decodeMs: decodeMs * net.deviceSlowdown };
}

async function timeCodec(tensors: readonly Tensor[], profile: CodecProfile) {
  const encode = (one: Codec) => Promise.all(tensors.map((tensor) => one.encode(tensor, profile)));
  const frames = await encode(codec);
  return {
    bytes: frames.reduce((sum, frame) => sum + frame.length, 0),
    encodeMs: await medianTime(() => encode(codec)),
    decodeMs: await medianTime(() => Promise.all(frames.map((frame) => codec.decode(frame)))),
  };
}

async function medianTime(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = -2; round < 9; round++) {
    const startMs = performance.now();
    await work();
    if (round >= 0) times.push(performance.now() - startMs);
  }
  return median(times);
}

for (const net of benchNets()) {
  const path = new URL(`plans/${net.name}.json`, import.meta.url);
  writeFileSync(path, await planOf(net));
  console.error(`${net.name}: written`);
}
process.exit(0);

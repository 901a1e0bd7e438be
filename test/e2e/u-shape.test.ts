/** The middle of a model behind a gateway, both ends on the device: the same answer, and neither end on the wire. */
import { type Gateway, resolveConfig, startGateway } from '@cutpoint/cloud-gateway';
import {
  compareOutputs,
  createCodec,
  createOrtNode,
  deflateNode,
  fileSource,
  openExecutor,
  openModel,
} from '@cutpoint/sdk/gateway';
import { createSplitSession, type SplitArm, type SplitSession } from '@cutpoint/sdk/node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { CalibratedWay } from '../../sdk/src/planner/calibration.ts';
import { changeOf } from '../../sdk/src/profiler/calibrate-change.ts';
import { L2_METRIC } from '../../sdk/src/profiler/calibrate-metric.ts';
import { calibrateModel } from '../../sdk/src/profiler/calibrate-model.ts';
import { type Tensor, type Tensors, tensorBytes } from '../../sdk/src/tensor.ts';
import { type CapturedTraffic, captureTraffic } from '../support/captured-traffic.ts';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { architectureFeeds, architectureShapes } from '../support/models/architecture-feeds.ts';
import { bert } from '../support/models/bert.ts';
import { mobilenetV2 } from '../support/models/mobilenet-v2.ts';
import { ocrModels } from '../support/models/ocr-models.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { runWholeModel } from '../support/whole-model.ts';

interface Net {
  readonly model: Uint8Array | string;
  readonly feeds: Tensors;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
}

const made = (architecture: typeof bert): Net => {
  const { smallScale: scale } = architecture;
  return {
    model: architecture.make({ scale }),
    feeds: architectureFeeds(architecture, { scale }),
    inputs: architectureShapes(architecture, { scale }),
  };
};
const { rec } = ocrModels();
const NETS: Readonly<Record<string, Net>> = {
  'PP-OCRv4-rec': {
    model: rec.path,
    feeds: { x: randomTensor(randomNumbers(3), rec.shape) },
    inputs: { x: rec.shape },
  },
  MobileNetV2: made(mobilenetV2),
  'BERT-base': made(bert),
};
let folder: ModelFolder;
let gateway: Gateway;
let traffic: CapturedTraffic;

beforeAll(async () => {
  folder = await makeModelFolder(NETS);
  const options = { models: folder.path, logLevel: 'silent', listen: '127.0.0.1:0', maxCuts: 6 } as const;
  gateway = await startGateway(resolveConfig(options));
  traffic = await captureTraffic(gateway.brokerUrl);
}, 60_000);
afterAll(async () => {
  await traffic.close();
  await gateway.stop();
  await folder.remove();
});

async function open(name: string, options: object = {}): Promise<SplitSession> {
  const session = await createSplitSession(folder.model(name), {
    ...{ broker: gateway.brokerUrl, model: name, inputs: 'stay', outputs: 'stay', fallback: 'none' },
    ...{ profiles: ['float32'], inputShapes: NETS[name]?.inputs, threads: 1, deadlineMs: 20_000 },
    ...options,
  });
  onTestFinished(() => session.release());
  return session;
}

/** A stretch that stands for the tensor, and is not found by chance. */
const stretchOf = (tensor: Tensor) => {
  const bytes = tensorBytes(tensor);
  const at = (bytes.length >> 1) & ~7;
  return bytes.subarray(at, at + 256);
};

const isU = (arm: SplitSession['arms'][number]): arm is SplitArm =>
  arm.kind === 'split' && arm.to !== undefined;

describe.each(Object.keys(NETS))('a U of %s', (name) => {
  const feeds = NETS[name]?.feeds ?? {};

  it('gives what the whole model gives at every two cuts, and shows neither end of it', async () => {
    const session = await open(name);
    const { outputNames } = session;
    const expected = await runWholeModel(folder.model(name), { feeds, fetches: outputNames });
    await session.run(feeds);
    const arms = session.arms.filter(isU);
    expect(arms.length).toBeGreaterThan(2);
    expect(session.arms).toHaveLength(arms.length + 1);
    traffic.clear();
    for (const { id } of arms) {
      const outputs = (await session.run(feeds, { arm: id })) as unknown as Tensors;
      expect(session.lastTrace).toMatchObject({ arm: id, gateway: gateway.id });
      expect(compareOutputs(outputs, expected, outputNames).relative, id).toBeLessThan(1e-5);
    }
    const ends = { ...feeds, ...expected };
    await expect.poll(() => traffic.results).toBe(arms.length);
    for (const [end, tensor] of Object.entries(ends)) {
      expect(traffic.names).not.toContain(end);
      expect(traffic.holds(stretchOf(tensor)), end).toBe(false);
    }
  });

  it('would have been seen, had it been sent', async () => {
    const session = await open(name, { inputs: 'may-leave', outputs: 'may-leave', replyProfile: 'float32' });
    await session.run(feeds);
    const whole = session.arms.find((arm) => arm.kind === 'split' && arm.cut.position === 0);
    traffic.clear();
    const outputs = (await session.run(feeds, { arm: whole?.id ?? '' })) as unknown as Tensors;
    await expect.poll(() => traffic.results).toBe(1);
    for (const output of session.outputNames) {
      expect(traffic.names).toContain(output);
      expect(traffic.holds(stretchOf(outputs[output] as Tensor))).toBe(true);
    }
    for (const input of session.inputNames) expect(traffic.names).toContain(input);
  });
});

it('loses at every two cuts what a calibration says', async () => {
  const name = 'MobileNetV2';
  const { feeds, inputs: inputShapes } = NETS[name] as Net;
  const session = await open(name, { profiles: ['uint8'] });
  const fetches = session.outputNames;
  const expected = await runWholeModel(folder.model(name), { feeds, fetches });
  await session.run(feeds);
  const us = session.arms.filter(isU);
  const calibration = await calibrated(folder.model(name), { feeds, inputShapes, us });
  expect(calibration.ways?.map(({ id }) => id)).toEqual(us.map(({ id }) => id));
  for (const { id, error } of calibration.ways ?? []) {
    const outputs = (await session.run(feeds, { arm: id })) as unknown as Tensors;
    expect(session.lastTrace).toMatchObject({ arm: id, gateway: gateway.id });
    const { relativeL2 } = changeOf(expected, outputs, fetches);
    expect(relativeL2, id).toBeGreaterThan(0);
    // A number between two steps may be rounded up on one machine and down on another.
    expect(relativeL2 / (error ?? 0), id).toBeCloseTo(1, 1);
  }
  const alone = (id: string) => calibration.arms.find(({ cutId }) => cutId === id)?.error ?? 0;
  const isWorse = ({ error }: CalibratedWay, k: number) => (error ?? 0) > alone(us[k]?.cut.id ?? '');
  expect(calibration.ways?.some(isWorse)).toBe(true);
});

interface CalibratedNet {
  readonly feeds: Tensors;
  readonly inputShapes: Net['inputs'];
  readonly us: readonly SplitArm[];
}

/** By the executor that a session has, as `cutpoint calibrate` does. */
async function calibrated(path: string, { feeds, inputShapes, us }: CalibratedNet) {
  const runtime = await createOrtNode({ threads: 1 });
  try {
    const model = await openModel(fileSource(path), runtime, { inputShapes });
    const ids = new Set(us.flatMap(({ cut, to }) => [cut.id, to?.id]));
    const cuts = model.cuts.filter(({ id }) => ids.has(id));
    const executor = await openExecutor(model, cuts, runtime, { feeds });
    return await calibrateModel({
      ...{ executor, createCodec: () => createCodec({ deflate: deflateNode() }), inputs: [feeds] },
      ...{ fetches: model.outputs.map((output) => output.name), profiles: ['uint8'], metric: L2_METRIC },
      ...{ budget: null, modelDigest: model.digest },
      ways: us.map(({ cut, to }) => ({ from: cut.id, via: [], ...(to && { to: to.id }) })),
    });
  } finally {
    await runtime.close();
  }
}

it('is answered by the device when its gateway has gone', async () => {
  const { feeds } = NETS.MobileNetV2 as Net;
  const options = { models: folder.path, logLevel: 'silent', listen: '127.0.0.1:0', maxCuts: 2 } as const;
  const own = await startGateway(resolveConfig(options));
  const session = await open('MobileNetV2', { broker: own.brokerUrl, fallback: 'local', deadlineMs: 3000 });
  const expected = (await session.run(feeds)) as unknown as Tensors;
  const arm = session.arms.find(isU)?.id ?? '';
  await session.run(feeds, { arm });
  expect(session.lastTrace).toMatchObject({ arm, gateway: own.id });
  await own.stop();
  const answer = (await session.run(feeds, { arm })) as unknown as Tensors;
  expect(session.lastTrace?.fallback).toBe('local');
  expect(compareOutputs(answer, expected, session.outputNames).relative).toBeLessThan(1e-5);
});

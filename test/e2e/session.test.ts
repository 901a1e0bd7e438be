/** Split sessions through the user's door, against real gateways and brokers: right answers, right errors. */

import { type Gateway, resolveConfig, startGateway } from '@cutpoint/cloud-gateway';
import {
  CODEC_PROFILES,
  createSplitSession,
  SplitError,
  type SplitSession,
  type SplitSessionOptions,
  type Tensor,
} from '@cutpoint/sdk/node';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../sdk/src/onnx/builder.ts';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { mosquittoMissing, startMosquitto } from '../support/mosquitto.ts';

const shape = [2, 3, 32, 32];
const input = (seed = 11): Tensor => randomTensor(randomNumbers(seed), shape);
const bytes = smallConvNet();

/** Its first output is made half way. */
function twoOutputs(): Uint8Array {
  const graph = new GraphBuilder('two');
  graph.input('input', 'float32', ['batch', 8]);
  graph.output('early', 'float32', ['batch', 8]);
  graph.output('late', 'float32', ['batch', 8]);
  graph.node('Sigmoid', ['input'], {}, { outputs: ['early'] });
  const next = graph.node('Neg', ['early']);
  graph.node('Tanh', [graph.node('Exp', [next])], {}, { outputs: ['late'] });
  return graph.toBytes();
}
let folder: ModelFolder;

beforeAll(async () => {
  folder = await makeModelFolder({
    net: { model: bytes, inputs: { input: shape } },
    two: { model: twoOutputs(), inputs: { input: [1, 8] } },
  });
});
afterAll(() => folder.remove());

const gatewayOn = (options: { broker?: string; id?: string; maxPayloadMb?: number } = {}) =>
  startGateway(
    resolveConfig({
      models: folder.path,
      logLevel: 'silent',
      ...(options.broker ? {} : { listen: '127.0.0.1:0' }),
      ...options,
    }),
  );

const open = (broker: string, options: Partial<SplitSessionOptions> = {}) =>
  createSplitSession(folder.model('net'), {
    broker,
    model: 'net',
    inputShapes: { input: shape },
    ...options,
  });

async function wholeAnswer(feed: Tensor): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(folder.model('net'));
  const { output } = await session.run({
    input: new ort.Tensor('float32', feed.data as Float32Array, feed.dims),
  });
  await session.release();
  return output?.data as Float32Array;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce(
    (worst, value, index) => Math.max(worst, Math.abs(value - (b[index] as number))),
    0,
  );
}

async function codeOf(work: Promise<unknown>): Promise<readonly [string, string]> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SplitError);
  return [(error as SplitError).code, (error as SplitError).message];
}

describe('a split session over the embedded broker', () => {
  let gateway: Gateway;
  let session: SplitSession;

  beforeAll(async () => {
    gateway = await gatewayOn();
    session = await open(gateway.brokerUrl, {
      profiles: ['float32', 'float32+deflate', 'uint8+deflate'],
      fallback: 'none',
    });
  });
  afterAll(async () => {
    await session.release();
    await gateway.stop();
  });

  it('describes the model as ONNX Runtime does', async () => {
    const whole = await ort.InferenceSession.create(folder.model('net'));
    expect(session.inputNames).toEqual(whole.inputNames);
    expect(session.outputNames).toEqual(whole.outputNames);
    expect(session.inputMetadata).toEqual(whole.inputMetadata);
    expect(session.outputMetadata).toEqual(whole.outputMetadata);
    await whole.release();
  });

  it('answers the first run on the device and learns what each arm costs', async () => {
    expect(session.predictions()).toEqual([]);
    const { output } = await session.run({ input: input() });
    expect(session.lastTrace).toMatchObject({ arm: 'device', cut: 'device', sentBytes: 0, attempts: 0 });
    expect(output?.dims).toEqual([2, 10]);
    const predicted = session.predictions().map(({ arm }) => arm.id);
    expect(predicted.toSorted()).toEqual(
      session.arms
        .map(({ id }) => id)
        .filter((id) => !id.endsWith('/image'))
        .toSorted(),
    );
  });

  it('answers its first run by the arm that it names, and refuses one that there is not', async () => {
    const fresh = await open(gateway.brokerUrl);
    expect((await codeOf(fresh.run({ input: input() }, { arm: 'nowhere' })))[0]).toBe('options-invalid');
    await fresh.release();
    const named = await open(gateway.brokerUrl);
    const arm = named.arms.find(({ kind }) => kind === 'split')?.id as string;
    const { output } = await named.run({ input: input() }, { arm });
    expect(named.lastTrace).toMatchObject({ arm, attempts: 1 });
    expect(largestDifference(output?.data as Float32Array, await wholeAnswer(input()))).toBeLessThan(1e-5);
    expect(named.predictions().length).toBeGreaterThan(1);
    await named.release();
  });

  it('gives the whole model’s answer on every cut that travels losslessly, within rounding of ONNX Runtime’s own', async () => {
    const expected = await wholeAnswer(input());
    const arms = session.arms.filter((arm) => arm.kind === 'device' || arm.profile.startsWith('float32'));
    expect(arms.length).toBeGreaterThan(8);
    for (const { id } of arms) {
      const { output } = await session.run({ input: input() }, { arm: id });
      expect(session.lastTrace?.arm).toBe(id);
      expect(largestDifference(output?.data as Float32Array, expected), id).toBeLessThan(1e-5);
    }
  });

  it('stays near the whole model’s answer with one byte a value, and sends less', async () => {
    const expected = await wholeAnswer(input());
    const cut = session.arms.find(
      (arm) => arm.kind === 'split' && arm.profile === 'uint8+deflate' && arm.cut.position > 0,
    );
    const { output } = await session.run({ input: input() }, { arm: cut?.id as string });
    const scale = Math.max(...expected.map(Math.abs));
    expect(largestDifference(output?.data as Float32Array, expected)).toBeLessThan(0.05 * scale);
    const trace = session.lastTrace;
    const raw = (cut?.kind === 'split' ? cut.cut.bytes : null) as number;
    expect(trace?.sentBytes).toBeLessThan(raw / 3);
    expect(trace).toMatchObject({ attempts: 1, gateway: gateway.id });
    expect(trace?.totalMs).toBeGreaterThan(trace?.tailMs as number);
  });

  it('answers in every profile there is', async () => {
    const expected = await wholeAnswer(input());
    const scale = Math.max(...expected.map(Math.abs));
    const every = await open(gateway.brokerUrl, { profiles: CODEC_PROFILES, fallback: 'none' });
    await every.run({ input: input() });
    for (const profile of CODEC_PROFILES) {
      const arm = every.arms.find(
        (one) => one.kind === 'split' && one.profile === profile && one.cut.position > 0,
      );
      const { output } = await every.run({ input: input() }, { arm: arm?.id as string });
      const bound = profile.startsWith('uint4') ? 0.6 : 0.05;
      expect(largestDifference(output?.data as Float32Array, expected), profile).toBeLessThan(bound * scale);
    }
    await every.release();
  });

  it('takes fetches, runs in parallel, and other batch sizes than the one it measured', async () => {
    const feeds = Array.from({ length: 6 }, (_, seed) => input(seed));
    const answers = await Promise.all(feeds.map((feed) => session.run({ input: feed }, ['output'])));
    for (const [index, { output }] of answers.entries()) {
      const expected = await wholeAnswer(feeds[index] as Tensor);
      expect(largestDifference(output?.data as Float32Array, expected)).toBeLessThan(0.2);
    }
    const one = randomTensor(randomNumbers(5), [1, 3, 32, 32]);
    const cut = session.arms.find(
      (arm) => arm.kind === 'split' && arm.profile === 'float32' && arm.cut.position > 0,
    );
    const { output } = await session.run({ input: one }, { arm: cut?.id as string });
    expect(output?.dims).toEqual([1, 10]);
  });

  it.each([
    ['a wrong name', { wrong: input() }, 'input-name'],
    [
      'a wrong type',
      { input: { type: 'uint8', data: new Uint8Array(6144), dims: shape } as Tensor },
      'input-type',
    ],
    ['a wrong shape', { input: randomTensor(randomNumbers(1), [2, 3, 16, 16]) }, 'input-shape'],
  ])('refuses %s and goes on', async (_, feeds, expected) => {
    expect((await codeOf(session.run(feeds as Record<string, Tensor>)))[0]).toBe(expected);
    await expect(session.run({ input: input() })).resolves.toHaveProperty('output');
  });

  it('refuses a picture arm without a picture, an arm that is none, and stops when the caller says so', async () => {
    const picture = session.arms.find((arm) => arm.id.endsWith('/image'));
    expect((await codeOf(session.run({ input: input() }, { arm: picture?.id as string })))[0]).toBe(
      'options-invalid',
    );
    expect((await codeOf(session.run({ input: input() }, { arm: 'nowhere' })))[0]).toBe('options-invalid');
    const split = session.arms.find((arm) => arm.kind === 'split') as { id: string };
    const controller = new AbortController();
    const run = session.run({ input: input() }, { arm: split.id, signal: controller.signal });
    controller.abort();
    expect((await codeOf(run))[0]).toBe('aborted');
  });

  it('sends nothing where the head makes all that is asked for', async () => {
    const early = await createSplitSession(twoOutputs(), {
      broker: gateway.brokerUrl,
      model: 'two',
      fallback: 'none',
    });
    const feeds = { input: randomTensor(randomNumbers(1), [1, 8]) };
    const expected = await early.run(feeds);
    const arm = early.arms.find((one) => one.kind === 'split' && one.cut.headOutputs.includes('early'));
    const { early: value } = await early.run(feeds, ['early'], { arm: arm?.id as string });
    expect(early.lastTrace).toMatchObject({ arm: arm?.id, sentBytes: 0 });
    expect(value?.data).toEqual(expected.early?.data);
    const both = await early.run(feeds, { arm: arm?.id as string });
    expect(early.lastTrace?.sentBytes).toBeGreaterThan(0);
    expect(Object.keys(both).toSorted()).toEqual(['early', 'late']);
    await early.release();
  });

  it('keeps the input at home where the caller or the session says so', async () => {
    const raw = session.arms.find((arm) => arm.kind === 'split' && arm.cut.position === 0) as { id: string };
    expect((await codeOf(session.run({ input: input() }, { arm: raw.id, inputs: 'stay' })))[0]).toBe(
      'options-invalid',
    );
    const strict = await open(gateway.brokerUrl, { inputs: 'stay' });
    expect(strict.arms.some((arm) => arm.kind === 'split' && arm.cut.position === 0)).toBe(false);
    await strict.release();
  });
});

describe('what keeps a session from its gateway has a code', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await gatewayOn({ maxPayloadMb: 1, id: 'gw' });
  });
  afterAll(() => gateway.stop());

  it.each([
    ['an option that is none', { deadlineMs: -1 }, 'options-invalid', 'deadlineMs'],
    ['a model that the gateway does not have', { model: 'other' }, 'model-unknown', 'served: net'],
    [
      'a broker that is not there',
      { broker: 'mqtt://127.0.0.1:9', connectTimeoutMs: 300 },
      'broker-unreachable',
      '300 ms',
    ],
    [
      'no gateway in the namespace',
      { namespace: 'elsewhere', connectTimeoutMs: 300 },
      'gateway-unavailable',
      '300 ms',
    ],
    [
      'no gateway in the regions',
      { regions: ['eu'], connectTimeoutMs: 300 },
      'gateway-unavailable',
      'no gateway that may be asked, but gw (region unknown)',
    ],
    [
      'none of the gateways that its route begins at',
      { stages: [['other']], connectTimeoutMs: 300 },
      'gateway-unavailable',
      'no gateway that may be asked, but gw (region unknown)',
    ],
  ])('%s', async (_, options, code, text) => {
    const [actual, message] = await codeOf(open(gateway.brokerUrl, { fallback: 'none', ...options }));
    expect([actual, message]).toEqual([code, expect.stringContaining(text)]);
  });

  it('a model with another digest', async () => {
    const other = createSplitSession(smallConvNet({ seed: 99 }), {
      broker: gateway.brokerUrl,
      model: 'net',
      fallback: 'none',
    });
    expect((await codeOf(other))[0]).toBe('model-mismatch');
  });

  it('a payload over the gateway’s limit, at once; the next request is answered', async () => {
    const session = await open(gateway.brokerUrl, { profiles: ['float32'], fallback: 'none' });
    const big = randomTensor(randomNumbers(1), [200, 3, 32, 32]);
    await session.run({ input: input() });
    const cut = session.arms.find((arm) => arm.kind === 'split' && arm.profile === 'float32') as {
      id: string;
    };
    const [code, message] = await codeOf(session.run({ input: big }, { arm: cut.id }));
    expect([code, message]).toEqual([
      'payload-too-large',
      expect.stringMatching(/\d+ bytes exceeds 1048576/),
    ]);
    await expect(session.run({ input: input() }, { arm: cut.id })).resolves.toHaveProperty('output');
    await session.release();
  });

  it('and waits for the gateway that its route begins at, though another was heard first', async () => {
    const opening = open(gateway.brokerUrl, {
      ...{ fallback: 'none', stages: [['late']], connectTimeoutMs: 30_000 },
    });
    const late = await gatewayOn({ broker: gateway.brokerUrl, id: 'late' });
    const session = await opening;
    const arm = session.arms.find(({ kind }) => kind === 'split')?.id as string;
    await session.run({ input: input() }, { arm });
    expect(session.lastTrace).toMatchObject({ gateway: 'late' });
    await session.release();
    await late.stop();
  });

  it('a session that was released', async () => {
    const session = await open(gateway.brokerUrl);
    await session.release();
    await session.release();
    expect((await codeOf(session.run({ input: input() })))[0]).toBe('closed');
  });

  it('and with a fallback the device answers, saying why', async () => {
    const alone = await open('mqtt://127.0.0.1:9', { connectTimeoutMs: 200 });
    await alone.run({ input: input() });
    const { output } = await alone.run({ input: input() });
    expect(alone.lastTrace).toMatchObject({
      arm: 'device',
      fallback: 'local',
      reason: 'gateway-unavailable',
    });
    expect(largestDifference(output?.data as Float32Array, await wholeAnswer(input()))).toBeLessThan(1e-5);
    await alone.release();
  });
});

const missing = mosquittoMissing();
describe.skipIf(missing)(`a split session over Mosquitto${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it.each([4, 5] as const)('answers as the whole model does, by MQTT version %d', async (protocolVersion) => {
    const mosquitto = await startMosquitto();
    const gateway = await gatewayOn({ broker: mosquitto.url });
    const session = await open(mosquitto.url, { protocolVersion, profiles: ['float32'], fallback: 'none' });
    await session.run({ input: input() });
    for (const arm of session.arms.filter((one) => one.kind === 'split' && one.profile === 'float32')) {
      const { output } = await session.run({ input: input() }, { arm: arm.id });
      expect(session.lastTrace?.attempts).toBe(1);
      expect(largestDifference(output?.data as Float32Array, await wholeAnswer(input()))).toBeLessThan(1e-5);
    }
    await session.release();
    await gateway.stop();
    await mosquitto.close();
  });
});

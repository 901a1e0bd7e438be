/** The noise stage of a session, by what its gateway gets: noise of the wanted strength over all that is sent, and nowhere else. */
import { type Gateway, resolveConfig, startGateway } from '@cutpoint/cloud-gateway';
import { createSplitSession, type SplitSession, type SplitSessionOptions } from '@cutpoint/sdk/node';
import { createLink, type Link } from '@cutpoint/sdk/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { GraphBuilder } from '../../sdk/src/onnx/builder.ts';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';

const LEVEL = 0.5;
const shape = [1, 20_000];
const feeds = { x: randomTensor(randomNumbers(6), shape) };
let folder: ModelFolder;
let gateway: Gateway;
let link: Link;

/** What crosses its cuts is the answer with the other sign: three times the input, once as float16. */
function passing(): Uint8Array {
  const graph = new GraphBuilder('passing');
  graph.input('x', 'float32', shape);
  graph.output('out', 'float32', shape);
  const three = graph.initializer('three', { type: 'float32', dims: [], data: Float32Array.of(3) });
  const [FLOAT, FLOAT16] = [1, 10];
  const halves = graph.node('Cast', [graph.node('Mul', ['x', three])], { to: FLOAT16 });
  graph.node('Neg', [graph.node('Cast', [halves], { to: FLOAT })], {}, { outputs: ['out'] });
  return graph.toBytes();
}

beforeAll(async () => {
  folder = await makeModelFolder({ net: { model: passing(), inputs: { x: shape } } });
  const options = { models: folder.path, logLevel: 'silent', listen: '127.0.0.1:0' } as const;
  gateway = await startGateway(resolveConfig(options));
  link = await createLink({ targetPort: Number(new URL(gateway.brokerUrl).port), uplink: {}, downlink: {} });
});
afterAll(async () => {
  await link.close();
  await gateway.stop();
  await folder.remove();
});

async function open(options: Partial<SplitSessionOptions>): Promise<SplitSession> {
  const session = await createSplitSession(folder.model('net'), {
    ...{ broker: `mqtt://127.0.0.1:${link.port}`, model: 'net', inputShapes: { x: shape }, threads: 1 },
    ...{ profiles: ['float32'], deadlineMs: 20_000 },
    ...options,
  });
  onTestFinished(() => session.release());
  await session.run(feeds);
  return session;
}

async function run(session: SplitSession, options: object = {}): Promise<Float32Array> {
  const { out } = await session.run(feeds, options);
  return out?.data as Float32Array;
}

const minus = (a: Float32Array, b: Float32Array) => a.map((value, k) => value - (b[k] as number));
const meanOf = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviationOf = (values: Float32Array) => {
  const mean = meanOf(values);
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
};

describe('a session with noise', () => {
  it('sends nothing without it, and not the same noise twice', async () => {
    const plain = await open({});
    const session = await open({ noise: LEVEL });
    const sending = session.arms.filter(({ kind }) => kind === 'split');
    // The picture, and the cut of float16, cannot have it.
    const types = plain.arms.flatMap((arm) =>
      arm.kind === 'split' ? arm.cut.tensors.map((one) => one.type) : [],
    );
    expect(types).toContain('float16');
    expect(sending.length).toBeGreaterThan(2);
    expect(sending.length).toBeLessThan(plain.arms.length - 2);
    for (const { id } of sending) {
      const exact = await run(plain, { arm: id });
      expect(plain.lastTrace).not.toHaveProperty('noise');
      const [once, again] = [await run(session, { arm: id }), await run(session, { arm: id })];
      expect(session.lastTrace).toMatchObject({ arm: id, gateway: gateway.id, noise: LEVEL });
      const wanted = LEVEL * deviationOf(exact);
      for (const off of [minus(once, exact), minus(again, exact)]) {
        expect(deviationOf(off) / wanted).toBeCloseTo(1, 1);
        expect(Math.abs(meanOf(off)) / wanted).toBeLessThan(0.05);
      }
      expect(deviationOf(minus(once, again)) / wanted).toBeCloseTo(Math.SQRT2, 1);
    }
  });

  it('goes on by itself from values without noise', async () => {
    const session = await open({ noise: LEVEL });
    const exact = await run(session, { arm: 'device' });
    expect(session.lastTrace).not.toHaveProperty('noise');
    const inner = session.arms.find((arm) => arm.kind === 'split' && arm.cut.position > 0)?.id ?? '';
    link.blackout(true);
    const late = await run(session, { arm: inner, deadlineMs: 300 });
    link.blackout(false);
    expect(session.lastTrace).toMatchObject({ arm: inner, fallback: 'local', reason: 'deadline-exceeded' });
    expect(session.lastTrace).not.toHaveProperty('noise');
    expect(late).toEqual(exact);
  });

  it('has as much as its policy asks for, and as it wants itself', async () => {
    const policy = { placement: { noise: 0.25, classes: { personal: { noise: LEVEL } } } };
    const noiseOf = async (options: Partial<SplitSessionOptions>) => {
      const session = await open({ policy, ...options });
      const arm = session.arms.find(({ kind }) => kind === 'split')?.id ?? '';
      await run(session, { arm });
      return session.lastTrace?.noise;
    };
    expect(await noiseOf({})).toBe(LEVEL);
    expect(await noiseOf({ noise: 0.1 })).toBe(LEVEL);
    expect(await noiseOf({ noise: 2 })).toBe(2);
  });

  it.each([0, -1, 17, Number.NaN])('is not made with noise of %s', async (noise) => {
    await expect(open({ noise })).rejects.toMatchObject({ code: 'options-invalid' });
  });
});

/** Sequences end to end: frames that build on the last one, and what happens when the gateway does not have it. */
import { type Gateway, resolveConfig, startGateway } from '@cutpoint/cloud-gateway';
import { asSplitError, createSplitSession, type SplitSession, type Tensor } from '@cutpoint/sdk/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAedes } from '../support/aedes.ts';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';

const shape = [2, 3, 32, 32];
const scene = randomTensor(randomNumbers(11), shape);
let folder: ModelFolder;
let broker: Awaited<ReturnType<typeof startAedes>>;
let gateway: Gateway;
let session: SplitSession;

beforeEach(async () => {
  folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: shape } } });
  broker = await startAedes();
  gateway = await openGateway('cloud');
  session = await createSplitSession(folder.model('net'), {
    broker: broker.url,
    model: 'net',
    inputShapes: { input: shape },
    profiles: ['uint8+context+previous', 'uint8+context'],
    fallback: 'none',
    deadlineMs: 10_000,
  });
  await session.run({ input: scene });
});
afterEach(async () => {
  await session.release();
  await gateway.stop();
  await broker.close();
  await folder.remove();
});

describe('a session with a profile of sequences', () => {
  it('sends a scene that stands still in a fraction, and each cut and profile for itself', async () => {
    const [first, second] = [await sentBytes(arm(0)), await sentBytes(arm(0))];
    expect(second).toBeLessThan(first / 2);
    expect(await sentBytes(arm(0, 'uint8+context'))).toBeGreaterThan(second * 2);
    expect(await sentBytes(arm(0))).toBe(second);
    await sentBytes(arm(1));
    expect(await sentBytes(arm(0))).toBeGreaterThan(first * 0.9);
  });

  it('answers as in full, with many requests at once', async () => {
    const inputs = Array.from({ length: 12 }, (_, frame) => nearly(scene, frame));
    const answers = await Promise.all(inputs.map((input) => answer(input, arm(0))));
    const exact = await Promise.all(inputs.map((input) => answer(input, 'device')));
    for (const [index, values] of answers.entries()) expectNear(values, exact[index] ?? []);
  });

  it('sends in full again, within the same run, when the gateway was started anew', async () => {
    const first = await sentBytes(arm(0));
    await gateway.stop();
    gateway = await openGateway('cloud');
    // The session still builds on what the gateway of before had: that no such run fails is the point.
    const codes = await untilAnswered(arm(0));
    expect(codes).not.toContain('reference-unknown');
    expect(session.lastTrace?.sentBytes).toBeGreaterThan(first * 0.9);
    expect(await sentBytes(arm(0))).toBeLessThan(first / 2);
  });

  it('sends in full to another gateway', async () => {
    const first = await sentBytes(arm(0));
    const other = await openGateway('other');
    await gateway.stop();
    gateway = other;
    await untilAnswered(arm(0));
    expect(session.lastTrace?.sentBytes).toBeGreaterThan(first * 0.9);
    expect(session.lastTrace?.gateway).toBe('other');
  });
});

function openGateway(id: string): Promise<Gateway> {
  return startGateway(resolveConfig({ models: folder.path, logLevel: 'silent', broker: broker.url, id }));
}

/** A cut of the session in the profile, by its place among the cuts. */
function arm(place: number, profile = 'uint8+context+previous'): string {
  const arms = session.arms.filter((one) => one.kind === 'split' && one.profile === profile);
  return arms[place]?.id ?? '';
}

async function sentBytes(id: string): Promise<number> {
  await session.run({ input: scene }, { arm: id });
  return session.lastTrace?.sentBytes ?? 0;
}

async function answer(input: Tensor, id: string): Promise<ArrayLike<number>> {
  const { output } = await session.run({ input }, { arm: id });
  return output?.data as Float32Array;
}

/** Runs until a gateway is there that answers. @returns the codes of the runs that failed before */
async function untilAnswered(id: string): Promise<string[]> {
  const codes: string[] = [];
  for (let tries = 0; tries < 100; tries++) {
    try {
      await session.run({ input: scene }, { arm: id });
      return codes;
    } catch (error) {
      codes.push(asSplitError(error).code);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`no answer, only ${[...new Set(codes)].join(', ')}`);
}

function nearly({ type, dims, data }: Tensor, frame: number): Tensor {
  return {
    type,
    dims,
    data: (data as Float32Array).map((value, i) => value + ((i * 7 + frame) % 5) * 0.002),
  };
}

function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  const largest = Math.max(...Array.from(expected, Math.abs));
  for (const [index, value] of Array.from(actual).entries()) {
    expect(Math.abs(value - (expected[index] as number))).toBeLessThan(largest * 0.1);
  }
}

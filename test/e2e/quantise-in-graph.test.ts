/** Heads whose graph gives bytes, end to end; here on the CPU, where it is off unless asked for. */
import { type Gateway, resolveConfig, startGateway } from '@cutpoint/cloud-gateway';
import { createSplitSession, type SplitSession, type Tensor } from '@cutpoint/sdk/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAedes } from '../support/aedes.ts';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { relativeError } from '../support/split-runs.ts';

const shape = [1, 3, 32, 32];
const input = randomTensor(randomNumbers(5), shape);
let folder: ModelFolder;
let broker: Awaited<ReturnType<typeof startAedes>>;
let gateway: Gateway;
const sessions: Record<string, SplitSession> = {};

beforeAll(async () => {
  folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: shape } } });
  broker = await startAedes();
  gateway = await startGateway(
    resolveConfig({ models: folder.path, logLevel: 'silent', broker: broker.url, id: 'cloud' }),
  );
  for (const quantise of ['on', 'off'] as const) {
    sessions[quantise] = await createSplitSession(folder.model('net'), {
      broker: broker.url,
      model: 'net',
      inputShapes: { input: shape },
      profiles: ['uint8+context'],
      deadlineMs: 10_000,
      runtime: { quantise },
    });
    await sessions[quantise].run({ input });
  }
});
afterAll(async () => {
  for (const session of Object.values(sessions)) await session.release();
  await gateway?.stop();
  await broker.close();
  await folder.remove();
});

describe('a session whose heads quantise', () => {
  const inner = () =>
    (sessions.on?.arms ?? []).filter(({ kind, id }) => kind === 'split' && !id.startsWith('input'));
  const answer = async (session: SplitSession | undefined, feeds: Tensor, arm: string) =>
    (await session?.run({ input: feeds }, { arm }))?.output as unknown as Tensor;

  it('answers from every cut as one that quantises after the head', async () => {
    expect(inner().length).toBeGreaterThan(1);
    for (const { id } of inner()) {
      const [on, off] = [await answer(sessions.on, input, id), await answer(sessions.off, input, id)];
      expect(relativeError(on, off)).toBeLessThan(0.01);
      expect(sessions.on?.lastTrace).toMatchObject({ arm: id });
    }
  });

  it('answers exactly as the model when the gateway is gone', async () => {
    const [first] = inner();
    const exact = await answer(sessions.on, input, 'device');
    await gateway.stop();
    const local = await answer(sessions.on, input, first?.id ?? '');
    expect(relativeError(local, exact)).toBe(0);
  });
});

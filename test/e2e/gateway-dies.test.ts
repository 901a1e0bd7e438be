/** The gateway is killed in the middle of a request: an answer or an error in time, and split again once it is back. */
import { createSplitSession, SplitError, type SplitSession } from '@cutpoint/sdk/node';
import { createLink, type Link } from '@cutpoint/sdk/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../support/gateway-process.ts';
import { ocrModels } from '../support/models/ocr-models.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { mosquittoMissing, startMosquitto } from '../support/mosquitto.ts';

const { cls } = ocrModels();
const x = randomTensor(randomNumbers(4), [8, 3, 48, 192]);
const GRACE_MS = 200;
const deadlineMs = 1500;
let folder: ModelFolder;

beforeAll(async () => {
  folder = await makeModelFolder({ cls: { model: cls.path, inputs: { x: x.dims } } });
});
afterAll(() => folder.remove());

/** A session whose requests take seconds on the wire, so that the kill falls into the middle of one. */
async function openSlowly(fallback: 'local' | 'none', link: Link) {
  const session = await createSplitSession(folder.model('cls'), {
    broker: `mqtt://127.0.0.1:${link.port}`,
    model: 'cls',
    profiles: ['float32'],
    inputShapes: { x: x.dims },
    deadlineMs,
    fallback,
  });
  await session.run({ x });
  const cut = session.arms.find((arm) => arm.kind === 'split' && (arm.cut.bytes ?? 0) > 200_000);
  return { session, arm: cut?.id as string };
}

/** Runs until an answer came from the cloud; the time that a restart takes is not the matter here. */
async function untilSplit(session: SplitSession, arm: string): Promise<string | undefined> {
  for (let tries = 0; tries < 100; tries++) {
    const answered = await session.run({ x }, { arm }).then(
      () => session.lastTrace?.fallback === undefined,
      () => false,
    );
    if (answered) return session.lastTrace?.gateway;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return undefined;
}

const missing = mosquittoMissing();
const places = [
  ['with the broker inside it', false],
  ['beside Mosquitto', true],
] as const;

describe.each(places)('a gateway killed during a request, %s', (_, beside) => {
  const undo: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  async function start() {
    const mosquitto = beside ? await startMosquitto() : undefined;
    if (mosquitto) undo.push(() => mosquitto.close());
    const args = ['--models', folder.path, '--id', 'gw-one'];
    let gateway: GatewayProcess = await startGatewayProcess([
      ...args,
      ...(mosquitto ? ['--broker', mosquitto.url] : ['--listen', '127.0.0.1:0']),
    ]);
    undo.push(() => gateway.kill('SIGKILL'));
    const { port } = new URL(mosquitto?.url ?? gateway.broker);
    const slow = { bitsPerSecond: 2e6 };
    const link = await createLink({ targetPort: Number(port), uplink: slow, downlink: {} });
    undo.push(() => link.close());
    const restart = async () => {
      gateway = await startGatewayProcess([
        ...args,
        ...(mosquitto ? ['--broker', mosquitto.url] : ['--listen', `127.0.0.1:${port}`]),
      ]);
      link.set({ uplink: { bitsPerSecond: 1e9 } });
    };
    return { link, restart, kill: () => gateway.kill('SIGKILL') };
  }

  it.skipIf(beside && missing)(
    'gives the device’s answer within the deadline, and splits again after its restart',
    async () => {
      const { link, restart, kill } = await start();
      const { session, arm } = await openSlowly('local', link);
      undo.push(() => session.release());
      const local = (await session.run({ x }, { arm: 'device' })) as Record<string, { data: Float32Array }>;
      const startMs = performance.now();
      const run = session.run({ x }, { arm });
      setTimeout(() => void kill(), 300);
      const answer = (await run) as Record<string, { data: Float32Array }>;
      expect(performance.now() - startMs).toBeLessThan(deadlineMs + GRACE_MS);
      expect(session.lastTrace).toMatchObject({ fallback: 'local', arm });
      expect(['gateway-unavailable', 'broker-unreachable', 'deadline-exceeded']).toContain(
        session.lastTrace?.reason,
      );
      const name = session.outputNames[0] as string;
      expect(Array.from(answer[name]?.data ?? [])).toEqual(Array.from(local[name]?.data ?? [0]));
      await restart();
      expect(await untilSplit(session, arm)).toBe('gw-one');
    },
  );

  it.skipIf(beside && missing)(
    'gives an error with a code within the deadline where there is no fallback',
    async () => {
      const { link, restart, kill } = await start();
      const { session, arm } = await openSlowly('none', link);
      undo.push(() => session.release());
      const startMs = performance.now();
      const run = session.run({ x }, { arm });
      setTimeout(() => void kill(), 300);
      const error = await run.catch((reason: unknown) => reason);
      expect(performance.now() - startMs).toBeLessThan(deadlineMs + GRACE_MS);
      expect(error).toBeInstanceOf(SplitError);
      expect(['gateway-unavailable', 'broker-unreachable', 'deadline-exceeded']).toContain(
        (error as SplitError).code,
      );
      await restart();
      expect(await untilSplit(session, arm)).toBe('gw-one');
    },
  );
});

/** A session leaves the cloud when its link collapses and comes back when the link does, and says why. */
import { type Gateway, resolveConfig, startGateway } from '@cutpoint/cloud-gateway';
import { type CutChange, createSplitSession, type SplitSession } from '@cutpoint/sdk/node';
import { createLink, type Link } from '@cutpoint/sdk/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';

const shape = [2, 3, 32, 32];
const feeds = { input: randomTensor(randomNumbers(11), shape) };
const [FAST, COLLAPSED] = [{ bitsPerSecond: 100e6 }, { bitsPerSecond: 20e3 }];
let folder: ModelFolder;
let gateway: Gateway;
let link: Link;

beforeAll(async () => {
  folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: shape } } });
  gateway = await startGateway(
    resolveConfig({ models: folder.path, logLevel: 'silent', listen: '127.0.0.1:0' }),
  );
  const targetPort = Number(new URL(gateway.brokerUrl).port);
  link = await createLink({ targetPort, uplink: FAST, downlink: FAST });
});
afterAll(async () => {
  await link.close();
  await gateway.stop();
  await folder.remove();
});

/** Runs until the session itself chooses the device, or a cut. */
async function runUntil(session: SplitSession, isWanted: (arm: string) => boolean): Promise<void> {
  for (let runs = 0; runs < 200; runs++) {
    await session.run(feeds);
    if (isWanted(session.lastTrace?.arm ?? '')) return;
  }
  throw new Error(`still ${session.lastTrace?.arm} after 200 runs`);
}

it('goes where the link lets it, there and back', { timeout: 60_000 }, async () => {
  await using session = await createSplitSession(folder.model('net'), {
    broker: `mqtt://127.0.0.1:${link.port}`,
    model: 'net',
    inputShapes: { input: shape },
    emulatedSlowdown: 100,
  });
  const changes: CutChange[] = [];
  session.on('cut-change', (change) => changes.push(change));
  await runUntil(session, (arm) => arm !== 'device');
  link.set({ uplink: COLLAPSED });
  await runUntil(session, (arm) => arm === 'device');
  link.set({ uplink: FAST });
  await runUntil(session, (arm) => arm !== 'device');

  const left = changes.find(({ to }) => to === 'device');
  const back = changes.at(-1);
  expect(['link', 'silence']).toContain(left?.cause);
  expect(left?.reason).toContain('-> device: ');
  expect(back).toMatchObject({ from: 'device', cause: 'link' });
  expect(back?.reason).toMatch(/uplink [\d.e+]+ Mbit\/s, was [\d.e+]+/);
  expect(session.stats().probes).toBeGreaterThan(0);
});

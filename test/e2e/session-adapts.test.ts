/** A session leaves the cloud when its link collapses and comes back when the link does, and says why. */
import { type Gateway, resolveConfig, startGateway } from '@cutpoint/cloud-gateway';
import { type CutChange, createSplitSession, type SplitSession } from '@cutpoint/sdk/node';
import { createLink, type Link } from '@cutpoint/sdk/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';

const shape = [32, 3, 32, 32];
const feeds = { input: randomTensor(randomNumbers(11), shape) };
const [FAST, COLLAPSED] = [{ bitsPerSecond: 100e6 }, { bitsPerSecond: 2e3 }];
/** Ten times what the link was thought to take, and well before the device is done. */
const LATE_MS = 200;
/** Pauses between probes of the link grow to a minute. */
const MOST_MS = 90_000;
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

/** Runs until the arm in use is the device, or a cut: a probe's answer is no change of that. */
async function runUntil(
  session: SplitSession,
  changes: readonly CutChange[],
  isWanted: (arm: string) => boolean,
) {
  const startMs = performance.now();
  while (performance.now() - startMs < MOST_MS) {
    await session.run(feeds);
    if (isWanted(changes.at(-1)?.to ?? 'device')) return;
  }
  throw new Error(`still ${changes.at(-1)?.to} after ${MOST_MS} ms`);
}

it('goes where the link lets it, there and back', { timeout: 3 * MOST_MS }, async () => {
  await using session = await createSplitSession(folder.model('net'), {
    broker: `mqtt://127.0.0.1:${link.port}`,
    model: 'net',
    inputShapes: { input: shape },
    // Well above what the cloud takes by a fast link, beside other work too. Many rows and a small factor: it multiplies noise as well.
    emulatedSlowdown: 60,
  });
  const changes: CutChange[] = [];
  session.on('cut-change', (change) => changes.push(change));
  await runUntil(session, changes, (arm) => arm !== 'device');
  link.set({ uplink: COLLAPSED });
  // On a busy machine noise alone may make it leave: the link has been noticed when an answer did not come, or every cut is thought
  // to be slow.
  const awayToHere = () => {
    const ms = new Map(session.predictions().map(({ arm, totalMs }) => [arm.id, totalMs]));
    const away = [...ms].flatMap(([id, each]) => (id === 'device' ? [] : [each]));
    return Math.min(...away) / (ms.get('device') ?? 0);
  };
  const isLinkKnown = () => changes.at(-1)?.reason.includes('no answer came in time') || awayToHere() > 2;
  await runUntil(session, changes, (arm) => arm === 'device' && isLinkKnown());
  link.set({ uplink: FAST });
  await runUntil(session, changes, (arm) => arm !== 'device' && awayToHere() < 1);

  const away = changes.findLast(({ to }) => to === 'device');
  const back = changes.findLast(({ from }) => from === 'device');
  expect(away?.reason).toContain('-> device: ');
  // Why: the link mostly, and on a busy machine what weighed more.
  expect(back?.reason).toMatch(/^device -> \S+: .+; \d+ ms instead of \d+ ms$/);
  expect(session.stats().probes).toBeGreaterThan(0);
});

it('takes an answer that comes late, where the device is not yet done itself', {
  timeout: 2 * MOST_MS,
}, async () => {
  await using session = await createSplitSession(folder.model('net'), {
    broker: `mqtt://127.0.0.1:${link.port}`,
    model: 'net',
    inputShapes: { input: shape },
    deadlineMs: 60_000,
    emulatedSlowdown: 400,
  });
  const changes: CutChange[] = [];
  session.on('cut-change', (change) => changes.push(change));
  // Early in the model, so that the device needs seconds for what lies behind; the controller thinks that the link is fast.
  const early = session.arms.flatMap((arm) => (arm.kind === 'split' && arm.cut.depth < 0.3 ? [arm.id] : []));
  // On a busy machine it may leave the cut, for reasons of its own, just when the link becomes late.
  for (let tries = 0; tries < 5 && session.lastTrace?.gateway === undefined; tries++) {
    link.set({ uplink: FAST });
    await runUntil(session, changes, (arm) => early.includes(arm));
    link.set({ uplink: { ...FAST, delayMs: LATE_MS } });
    await session.run(feeds);
  }
  expect(session.lastTrace?.gateway).toBeDefined();
  expect(session.lastTrace?.fallback).toBeUndefined();
  expect(session.lastTrace?.totalMs).toBeGreaterThan(LATE_MS);
});

/** A stream of frames: the next ones are on their way while the first is not answered, in order or the newest first. */
import { type Gateway, resolveConfig, startGateway } from '@cutpoint/cloud-gateway';
import { createSplitSession, isSplitError, type SplitSessionOptions } from '@cutpoint/sdk/node';
import { createLink, type Link } from '@cutpoint/sdk/testing';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';

const shape = [1, 3, 32, 32];
const feeds = { input: randomTensor(randomNumbers(11), shape) };
const PICTURE = await sharp({ create: { width: 32, height: 32, channels: 3, background: '#336699' } })
  .jpeg()
  .toBuffer();
let folder: ModelFolder;
let gateway: Gateway;
let link: Link;

beforeAll(async () => {
  folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: shape } } });
  gateway = await startGateway(
    resolveConfig({ models: folder.path, logLevel: 'silent', listen: '127.0.0.1:0' }),
  );
  link = await createLink({ targetPort: Number(new URL(gateway.brokerUrl).port), uplink: {}, downlink: {} });
});
afterAll(async () => {
  await link.close();
  await gateway.stop();
  await folder.remove();
});

async function open(queue: SplitSessionOptions['queue']) {
  const session = await createSplitSession(folder.model('net'), {
    ...{ broker: `mqtt://127.0.0.1:${link.port}`, model: 'net', inputShapes: { input: shape } },
    ...{ deadlineMs: 30_000, fallback: 'none', queue },
  });
  await session.run(feeds);
  const arm = session.arms.find((one) => one.kind === 'split' && one.cut.position > 0)?.id ?? '';
  await session.run(feeds, { arm });
  return { session, arm };
}

/** Frames by the names of their order, sent while the link is dark; and what became of each, in order of their ends. */
async function streamInTheDark(queue: SplitSessionOptions['queue'], count: number) {
  const { session, arm } = await open(queue);
  const ends: string[] = [];
  link.blackout(true);
  const runs = Array.from({ length: count }, async (_, name) => {
    const end = await session.run(feeds, { arm }).then(
      () => 'answered',
      (error: unknown) => (isSplitError(error) ? error.code : String(error)),
    );
    ends.push(`${name} ${end}`);
  });
  return { session, runs: Promise.all(runs), ends };
}

it('runs frames in the order in which they came', { timeout: 60_000 }, async () => {
  const { session, runs, ends } = await streamInTheDark({ inFlight: 1 }, 6);
  await using _ = session;
  link.blackout(false);
  await runs;
  expect(ends).toEqual([0, 1, 2, 3, 4, 5].map((name) => `${name} answered`));
});

it('takes the newest frame first and drops those before it, where it is told to', {
  timeout: 60_000,
}, async () => {
  const { session, runs, ends } = await streamInTheDark({ inFlight: 1, next: 'newest' }, 5);
  await using _ = session;
  link.blackout(false);
  await runs;
  expect(ends.toSorted()).toEqual([
    '0 answered',
    ...[1, 2, 3].map((name) => `${name} overloaded`),
    '4 answered',
  ]);
});

it('runs the next heads while the first frame is on its way', { timeout: 60_000 }, async () => {
  const { session, arm } = await open({ inFlight: 4 });
  await using _ = session;
  const input = session.arms.find((one) => one.kind === 'split' && one.profile === 'image')?.id ?? '';
  expect(arm).not.toBe('');
  // A picture is asked for when its frame is encoded.
  let encoded = 0;
  const file = async () => {
    encoded++;
    return PICTURE;
  };
  const images = { input: { file, mean: [0, 0, 0], std: [1, 1, 1] } };
  link.blackout(true);
  const runs = Array.from({ length: 6 }, () => session.run(feeds, { arm: input, images }));
  await expect.poll(() => encoded, { timeout: 20_000 }).toBe(4);
  link.blackout(false);
  await Promise.all(runs);
  expect(encoded).toBe(6);
});

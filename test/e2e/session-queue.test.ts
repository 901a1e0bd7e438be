/** The session's own queue, its counters and its events, against a real gateway. */
import { type Gateway, resolveConfig, startGateway } from '@cutpoint/cloud-gateway';
import {
  type CutChange,
  createSplitSession,
  isSplitError,
  type SplitSession,
  type SplitSessionOptions,
} from '@cutpoint/sdk/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';

const shape = [2, 3, 32, 32];
const feeds = { input: randomTensor(randomNumbers(11), shape) };
let folder: ModelFolder;
let gateway: Gateway;

beforeAll(async () => {
  folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: shape } } });
  gateway = await startGateway(
    resolveConfig({ models: folder.path, logLevel: 'silent', listen: '127.0.0.1:0' }),
  );
});
afterAll(async () => {
  await gateway.stop();
  await folder.remove();
});

async function open(options: Partial<SplitSessionOptions>): Promise<SplitSession> {
  const broker = gateway.brokerUrl;
  const session = await createSplitSession(folder.model('net'), {
    broker,
    model: 'net',
    inputShapes: { input: shape },
    ...options,
  });
  await session.run(feeds);
  return session;
}

const codeOf = (run: Promise<unknown>) =>
  run.then(
    () => 'answered',
    (error: unknown) => (isSplitError(error) ? error.code : String(error)),
  );

describe('a session that is asked too much at once', () => {
  it('refuses what does not fit, with a code that says that trying again may help', async () => {
    await using session = await open({ queue: { inFlight: 1, maxQueuedCount: 1 } });
    const ends = await Promise.all([1, 2, 3, 4].map(() => codeOf(session.run(feeds))));
    expect(ends).toEqual(['answered', 'answered', 'overloaded', 'overloaded']);
    const { runs, splitAnswers, localAnswers, fallbacks, failures, refusals } = session.stats();
    expect([runs, splitAnswers + localAnswers + fallbacks, failures, refusals]).toEqual([5, 3, 2, 2]);
  });

  it('answers on the device what does not fit, where it is told to', async () => {
    await using session = await open({ queue: { inFlight: 2, maxQueuedCount: 0, whenFull: 'local' } });
    const arm = session.arms.find(({ id }) => id.endsWith('/uint8'))?.id ?? '';
    const used: string[] = [];
    const run = () => session.run(feeds, { arm, onTrace: (trace) => used.push(trace.arm) });
    const ends = await Promise.all([run, run, run, run, run].map((one) => codeOf(one())));
    expect(ends.toSorted()).toEqual(['answered', 'answered', 'answered', 'answered', 'overloaded']);
    expect(used.toSorted()).toEqual([arm, arm, 'device', 'device'].toSorted());
  });

  it('counts the wait towards the deadline', async () => {
    await using session = await open({
      queue: { inFlight: 1, maxAgeMs: 60_000 },
      fallback: 'none',
      emulatedSlowdown: 10,
    });
    const arm = session.arms.find(({ id }) => id.endsWith('/uint8'))?.id ?? '';
    for (const _ of [1, 2, 3]) await session.run(feeds, { arm });
    // Ten times what a run takes is plenty for one that goes at once, and too little behind forty others.
    const deadlineMs = 10 * (session.lastTrace?.totalMs ?? 0);
    expect(await codeOf(session.run(feeds, { arm, deadlineMs }))).toBe('answered');
    const first = Array.from({ length: 40 }, () => session.run(feeds, { arm, deadlineMs: 60_000 }));
    expect(await codeOf(session.run(feeds, { arm, deadlineMs }))).toBe('deadline-exceeded');
    await Promise.all(first);
  });

  it('ends what waits when it is released', async () => {
    const session = await open({ queue: { inFlight: 1 } });
    const ends = [1, 2, 3].map(() => codeOf(session.run(feeds)));
    await session.release();
    const [, ...waited] = await Promise.all(ends);
    expect(waited).toEqual(['closed', 'closed']);
  });
});

describe('a session that tells what it does', () => {
  it('says that it left the cloud when the gateway went, and why', async () => {
    const own = await startGateway(
      resolveConfig({ models: folder.path, logLevel: 'silent', listen: '127.0.0.1:0' }),
    );
    // A device a hundred times slower: the cloud is the better choice while it is there.
    await using session = await open({ broker: own.brokerUrl, emulatedSlowdown: 100 });
    const changes: CutChange[] = [];
    session.on('cut-change', (change) => changes.push(change));
    await session.run(feeds);
    await own.stop();
    await session.run(feeds);
    const [went, came] = changes;
    expect(went).toMatchObject({ from: 'device', cause: 'faster' });
    expect(went?.toMs).toBeLessThan(went?.fromMs ?? 0);
    expect(came).toMatchObject({ from: went?.to, to: 'device', cause: 'gateway-lost' });
    expect(session.stats()).toMatchObject({ runs: 3, splitAnswers: 1, switches: 2 });
  });
});

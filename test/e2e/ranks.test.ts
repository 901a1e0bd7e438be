/** A gateway process whose model is parted over two ranks: the whole model's answers, and every request ends once when one is killed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareOutputs } from '@cutpoint/sdk/gateway';
import { createSplitSession, SplitError, type SplitSession } from '@cutpoint/sdk/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tensors } from '../../sdk/src/tensor.ts';
import {
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../support/gateway-process.ts';
import type { Architecture } from '../support/models/architecture.ts';
import { architectureFeeds, architectureShapes } from '../support/models/architecture-feeds.ts';
import { ARCHITECTURES } from '../support/models/architectures.ts';
import { runWholeModel } from '../support/whole-model.ts';

const bert = ARCHITECTURES.find(({ name }) => name === 'BERT-base') as Architecture;
const scale = bert.smallScale;
const inputShapes = architectureShapes(bert, { scale });
const feeds = architectureFeeds(bert, { scale });
const outputs = ['last_hidden_state', 'pooled'];
let folder: ModelFolder;
let gateway: GatewayProcess;
let session: SplitSession;
let expected: Tensors;

beforeAll(async () => {
  folder = await makeModelFolder();
  await folder.add('bert', bert.make({ scale }), { inputs: inputShapes, ranks: 2 });
  expected = await runWholeModel(folder.model('bert'), { feeds, fetches: outputs });
  const ranks = ['--ranks-folder', join(folder.path, '.ranks')];
  gateway = await startGatewayProcess([
    ...['--models', folder.path, '--listen', '127.0.0.1:0', '--http', '127.0.0.1:0', '--max-cuts', '4'],
    ...ranks,
  ]);
  session = await createSplitSession(folder.model('bert'), {
    ...{ broker: gateway.broker, model: 'bert', inputShapes, profiles: ['float32'] },
    ...{ fallback: 'none', deadlineMs: 5000 },
  });
}, 60_000);
afterAll(async () => {
  await session?.release();
  await gateway?.kill('SIGTERM');
  await folder.remove();
});

const differenceOf = (own: object) => compareOutputs(own as Tensors, expected, outputs).relative;
/** The last that it started is the last rank. */
const lastChild = () =>
  Number(readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, 'utf8').trim().split(' ').at(-1));

describe.skipIf(process.platform !== 'linux')('a model on two ranks', () => {
  it('answers a device at every cut as the whole model does', async () => {
    // The first run stays on the device.
    await session.run(feeds);
    const arms = session.arms.filter((arm) => arm.kind === 'split' && arm.profile !== 'image');
    const cuts = new Set(arms.map((arm) => arm.kind === 'split' && arm.cut.id));
    expect(cuts.size).toBeGreaterThanOrEqual(4);
    for (const { id } of arms) {
      const own = await session.run(feeds, { arm: id });
      expect(differenceOf(own), id).toBeLessThanOrEqual(1e-5);
      expect(session.lastTrace?.gateway, id).toBe(gateway.gateway);
    }
  });

  it('loses no request when a rank is killed: each has the right answer or a code, and the next ones are answered', async () => {
    const arm = session.arms.find(({ kind }) => kind === 'split')?.id ?? '';
    const killed = lastChild();
    const ends = await Promise.allSettled(
      Array.from({ length: 24 }, async (_, request) => {
        if (request === 3) process.kill(killed, 'SIGKILL');
        return session.run(feeds, { arm });
      }),
    );
    expect(ends).toHaveLength(24);
    for (const end of ends) {
      if (end.status === 'fulfilled') expect(differenceOf(end.value)).toBeLessThanOrEqual(1e-5);
      else expect(end.reason).toBeInstanceOf(SplitError);
    }
    await expect
      .poll(() => session.run(feeds, { arm }).then(differenceOf, () => 1), { timeout: 10_000 })
      .toBeLessThanOrEqual(1e-5);
    expect(lastChild()).not.toBe(killed);
    const metrics = await (await fetch(`${gateway.http}/metrics`)).text();
    expect(metrics).toContain('cutpoint_executor_failures_total{executor="cpu:1",reason="crashed"} 1');
  });
});

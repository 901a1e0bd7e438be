/** Edge, fog and cloud as processes: the whole model's answer, and every request ends once, whoever is killed. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareOutputs } from '@cutpoint/sdk/gateway';
import { type SplitArm, SplitError, type SplitSession } from '@cutpoint/sdk/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tensors } from '../../sdk/src/tensor.ts';
import type { Architecture } from '../support/models/architecture.ts';
import { architectureFeeds, architectureShapes } from '../support/models/architecture-feeds.ts';
import { ARCHITECTURES } from '../support/models/architectures.ts';
import { mosquittoMissing } from '../support/mosquitto.ts';
import { type PipelineWorld, startPipeline } from '../support/pipeline-world.ts';
import { runCutpoint } from '../support/run-cutpoint.ts';
import { runWholeModel } from '../support/whole-model.ts';

const NETS = ['ResNet-50', 'BERT-base'];
const architectureOf = (name: string) => ARCHITECTURES.find((one) => one.name === name) as Architecture;
const scaled = (name: string) => ({ scale: architectureOf(name).smallScale });
const feedsOf = (name: string) => architectureFeeds(architectureOf(name), scaled(name));
const STAGES = [
  ['fog-1', 'fog-2'],
  ['cloud-1', 'cloud-2'],
];

const isPipeline = (arm: SplitSession['arms'][number]): arm is SplitArm =>
  arm.kind === 'split' && arm.via !== undefined;

describe.skipIf(mosquittoMissing())('a pipeline of three processes', () => {
  let world: PipelineWorld;
  const expected = new Map<string, Tensors>();
  const outputsOf = (name: string) => Object.keys(expected.get(name) ?? {});

  beforeAll(async () => {
    const models = NETS.map((name) => {
      const architecture = architectureOf(name);
      const inputs = architectureShapes(architecture, scaled(name));
      return [name, { model: architecture.make(scaled(name)), inputs }] as const;
    });
    world = await startPipeline({
      ...{ models: Object.fromEntries(models), maxCuts: 4 },
      ...{ fogs: ['fog-1', 'fog-2'], clouds: ['cloud-1', 'cloud-2'] },
    });
    for (const name of NETS) {
      const fetches = name === 'BERT-base' ? ['last_hidden_state', 'pooled'] : ['output'];
      const path = world.folder.model(name);
      expected.set(name, await runWholeModel(path, { feeds: feedsOf(name), fetches }));
    }
  }, 120_000);
  afterAll(() => world?.close());

  const differenceOf = (name: string, outputs: object) =>
    compareOutputs(outputs as Tensors, expected.get(name) ?? {}, outputsOf(name)).relative;

  /** Calibrated, and seen to be answered through both stages. */
  async function openPipeline(name: string, options: object) {
    const session = await world.open(name, { stages: STAGES, ...options });
    await session.run(feedsOf(name));
    const arm = session.arms.find((one) => isPipeline(one) && one.cut.position > 0)?.id ?? '';
    await expect.poll(() => viaOf(session, name, arm), { timeout: 20_000 }).toMatch(/^fog-\d cloud-\d$/);
    return { session, arm };
  }

  const viaOf = async (session: SplitSession, name: string, arm: string) => {
    await session.run(feedsOf(name), { arm }).catch(() => undefined);
    const { gateway, stages } = session.lastTrace ?? {};
    return `${gateway} ${stages?.map((stage) => stage.gateway).join(' ')}`;
  };

  it.each(NETS)('gives what the whole of %s gives, at every three parts', {
    timeout: 60_000,
  }, async (name) => {
    const { session } = await openPipeline(name, {});
    const arms = session.arms.filter(isPipeline);
    expect(arms.length).toBeGreaterThan(2);
    for (const { id } of arms) {
      const outputs = await session.run(feedsOf(name), { arm: id });
      expect(differenceOf(name, outputs), id).toBeLessThan(1e-5);
      const { tailMs = 0, stages = [] } = session.lastTrace ?? {};
      expect(stages).toHaveLength(1);
      // What the first gateway reports holds the wait for the second.
      expect(tailMs).toBeGreaterThan(stages[0]?.elapsedMs ?? Number.POSITIVE_INFINITY);
    }
  });

  it('is what a plan of stages on machines makes of a session, without a word in its options', {
    timeout: 60_000,
  }, async () => {
    const name = 'ResNet-50';
    const at = (file: string) => join(world.folder.path, file);
    const shape = [
      '--shape',
      `input=${architectureShapes(architectureOf(name), scaled(name)).input?.join('x')}`,
    ];
    const common = [world.folder.model(name), ...shape, '--max-cuts', '4', '--codecs', 'float32'];
    for (const guess of ['board', 'server'])
      expect(await runCutpoint('profile', ...common, '--guess', guess, '--out', at(guess))).toMatchObject({
        code: 0,
      });
    const link = (from: string, to: string) => ({ from, to, uplinkMbps: 1000, roundTripMs: 1 });
    const machine = (machineName: string, profile: string) => ({ name: machineName, profile });
    const machines = {
      machines: [machine('fog-1', 'board'), machine('cloud-1', 'server')],
      links: [link('device', 'fog-1'), link('fog-1', 'cloud-1')],
    };
    await writeFile(at('machines.yaml'), JSON.stringify(machines));
    const flags = ['--edge', at('board'), '--machines', at('machines.yaml'), '--out', at('plan.json')];
    expect(await runCutpoint('plan', world.folder.model(name), ...flags)).toMatchObject({ code: 0 });
    const session = await world.open(name, { plan: at('plan.json') });
    const [arm] = session.arms.filter((one) => isPipeline(one) && one.cut.position > 0);
    const planned = JSON.parse(await readFile(at('plan.json'), 'utf8')) as { arms: { id: string }[] };
    expect(planned.arms.map(({ id }) => id)).toContain(arm?.id);
    await expect.poll(() => viaOf(session, name, arm?.id ?? ''), { timeout: 20_000 }).toBe('fog-1 cloud-1');
  });

  it('gives the same with the last part on the device as well', { timeout: 60_000 }, async () => {
    const name = 'ResNet-50';
    const session = await world.open(name, { stages: STAGES, outputs: 'stay', inputs: 'stay' });
    await session.run(feedsOf(name));
    const arm = session.arms.find(isPipeline);
    expect(arm?.to).toBeDefined();
    await expect
      .poll(() => viaOf(session, name, arm?.id ?? ''), { timeout: 20_000 })
      .toMatch(/^fog-\d cloud-\d$/);
    expect(differenceOf(name, await session.run(feedsOf(name), { arm: arm?.id ?? '' }))).toBeLessThan(1e-5);
  });

  /** Several at a time; how each ended, in the order of their ends. */
  async function load(
    run: () => Promise<object>,
    { count, onEnded }: { readonly count: number; readonly onEnded: (ended: number) => void },
  ): Promise<(object | SplitError)[]> {
    const ends: (object | SplitError)[] = [];
    let begun = 0;
    const lane = async () => {
      while (begun++ < count) {
        ends.push(await run().catch((error: unknown) => error as SplitError));
        onEnded(ends.length);
      }
    };
    await Promise.all(Array.from({ length: 6 }, lane));
    return ends;
  }

  /** The gateway in use is killed after a third of the requests: all are answered, and rightly. */
  async function answersWhileKilled(
    name: string,
    { inUse, run }: { readonly inUse: string; readonly run: () => Promise<object> },
  ): Promise<void> {
    let killed: Promise<void> | undefined;
    const ends = await load(run, {
      count: 60,
      onEnded: (ended) => {
        if (ended === 20) killed ??= world.kill(inUse);
      },
    });
    await killed;
    expect(ends.filter((end) => end instanceof Error)).toEqual([]);
    expect(Math.max(...ends.map((end) => differenceOf(name, end)))).toBeLessThan(1e-5);
  }

  it('goes over another fog when the one in use is killed: each request is answered, once', {
    timeout: 60_000,
  }, async () => {
    const name = 'ResNet-50';
    const { session, arm } = await openPipeline(name, {});
    const before = session.stats().runs;
    const inUse = session.lastTrace?.gateway ?? '';
    await answersWhileKilled(name, { inUse, run: () => session.run(feedsOf(name), { arm }) });
    expect(session.stats()).toMatchObject({ runs: before + 60, failures: 0, fallbacks: 0 });
    expect(session.lastTrace?.gateway).not.toBe(inUse);
  });

  it('is handed on to another cloud when the one in use is killed', { timeout: 60_000 }, async () => {
    const name = 'BERT-base';
    const { session, arm } = await openPipeline(name, {});
    const inUse = session.lastTrace?.stages?.[0]?.gateway ?? '';
    await answersWhileKilled(name, { inUse, run: () => session.run(feedsOf(name), { arm }) });
    expect(session.lastTrace?.stages?.[0]?.gateway).not.toBe(inUse);
  });

  it('ends every request once when the middle is killed for good: an error with a code, or the device’s answer', {
    timeout: 60_000,
  }, async () => {
    const [name, deadlineMs, count] = ['ResNet-50', 5000, 40];
    const fogs = [...world.gateways.keys()].filter((id) => id.startsWith('fog'));
    const opened = await Promise.all(
      (['none', 'local'] as const).map((fallback) => openPipeline(name, { fallback, deadlineMs })),
    );
    const before = opened.map(({ session }) => session.stats().runs);
    let killed: Promise<unknown> | undefined;
    const onEnded = (ended: number) => {
      if (ended === 15) killed ??= Promise.all(fogs.map(world.kill));
    };
    const startMs = performance.now();
    const [strict = [], gentle = []] = await Promise.all(
      opened.map(({ session, arm }) => load(() => session.run(feedsOf(name), { arm }), { count, onEnded })),
    );
    await killed;
    // Six at a time, each within its deadline.
    expect(performance.now() - startMs).toBeLessThan((count / 6 + 1) * deadlineMs);
    expect(opened.map(({ session }, i) => session.stats().runs - (before[i] ?? 0))).toEqual([count, count]);
    const failed = strict.filter((end) => end instanceof SplitError).map(({ code }) => code);
    expect(failed.length).toBeGreaterThan(0);
    for (const code of failed) expect(['gateway-unavailable', 'deadline-exceeded']).toContain(code);
    const answered = [...strict, ...gentle].filter((end) => !(end instanceof SplitError));
    expect(answered).toHaveLength(2 * count - failed.length);
    expect(Math.max(...answered.map((end) => differenceOf(name, end)))).toBeLessThan(1e-5);
    expect(opened[1]?.session.lastTrace?.fallback).toBe('local');
  });
});

/** Models that a gateway parts over ranks: what is served and told, what is refused, what becomes of processes and files. */
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memorySource } from '@cutpoint/sdk/gateway';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Architecture } from '../../test/support/models/architecture.ts';
import { architectureShapes } from '../../test/support/models/architecture-feeds.ts';
import { ARCHITECTURES } from '../../test/support/models/architectures.ts';
import { type GatewayOptions, resolveConfig } from './config.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { silentLog } from './log.ts';
import { prepareModel } from './models/prepare-model.ts';
import { readModelSettings } from './models/settings.ts';
import { createRankSets } from './serving/rank-sets.ts';

let [made, folder] = ['', ''];
let gateway: Gateway | undefined;

const architectureOf = (name: string) => ARCHITECTURES.find((one) => one.name === name) as Architecture;
const NAMES = ['ResNet-18', 'MobileNetV2', 'LSTM'];

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'cutpoint-ranks-made-'));
  for (const name of NAMES) {
    const { make, smallScale: scale } = architectureOf(name);
    await writeFile(join(made, name), make({ scale }));
  }
});
afterAll(() => rm(made, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-ranks-'));
});
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  await rm(folder, { recursive: true });
});

async function add(name: string, from: string, settings: object = {}): Promise<void> {
  const architecture = architectureOf(from);
  await mkdir(join(folder, 'models', name), { recursive: true });
  await cp(join(made, from), join(folder, 'models', name, 'model.onnx'));
  const inputs = architectureShapes(architecture, { scale: architecture.smallScale });
  await writeFile(
    join(folder, 'models', name, 'cutpoint.json'),
    JSON.stringify({ inputs, ranks: 2, ...settings }),
  );
}

async function start(options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const own = { models: join(folder, 'models'), listen: '127.0.0.1:0', http: '127.0.0.1:0', threads: 1 };
  gateway = await startGateway(resolveConfig({ ...own, maxCuts: 2, ranksFolder: ranksFolder(), ...options }));
  return gateway;
}

const graphics = (count: number) =>
  Array.from({ length: count }, (_, device) => ({
    ...{ name: `cuda:${device}`, provider: 'cuda' },
    runtime: { description: `device ${device}` } as never,
  }));
const setsOn = (count: number) =>
  createRankSets({
    executors: graphics(count),
    startRank: () => Promise.reject(new Error('not on graphics processors')),
    startBeside: () => Promise.reject(new Error('not asked for')),
  });
const ranksFolder = () => join(folder, 'ranks');
const textAt = async (path: string) => (await fetch(`${gateway?.httpUrl}${path}`)).text();

it('tells of a model on ranks by announcement, metrics and page; files and processes stay as long as it does', async () => {
  await add('net', 'ResNet-18');
  const { repository } = await start();
  const model = repository.find('net');
  expect(model).toMatchObject({ ranks: 2, batching: 'none', announcement: { ranks: 2 } });
  expect(model?.announcement.cuts).toHaveLength(2);
  expect(model?.canRun()).toBe(true);
  const metrics = await textAt('/metrics');
  expect(metrics).toContain('cutpoint_model_ranks{model="net",version="1"} 2');
  for (const rank of [0, 1])
    expect(metrics).toContain(`cutpoint_executor_up{executor="cpu:${rank}",provider="cpu"} 1`);
  expect(await textAt('/')).toContain('ready, on 2 ranks');
  const files = await readdir(ranksFolder());
  expect(files).toHaveLength(1);
  await gateway?.stop();
  await mkdir(join(ranksFolder(), '.half-0123456789abcdef'));

  const again = await start();
  expect(await readdir(ranksFolder())).toEqual(files);
  const stopped: string[] = [];
  again.events.on('executor-changed', ({ executor, state }) => {
    if (state === 'stopped') stopped.push(executor);
  });
  // Loaded beside itself: the same files and processes.
  await again.repository.load('net');
  expect(await readdir(ranksFolder())).toEqual(files);
  await again.repository.unload('net');
  await expect.poll(() => readdir(ranksFolder())).toEqual([]);
  expect(stopped.sort()).toEqual(['cpu:0', 'cpu:1']);
  expect(await textAt('/metrics')).not.toMatch(/cutpoint_model_ranks{|executor="cpu:0"/);
});

it('says of each model why it cannot be parted, or must be', async () => {
  await add('fits', 'ResNet-18');
  await add('whole', 'ResNet-18', { ranks: undefined });
  await add('heavy', 'MobileNetV2');
  await add('open', 'ResNet-18', { inputs: {} });
  await add('twice', 'ResNet-18');
  await add('unparted', 'LSTM');
  const { repository, models } = await start({ executorMemoryMb: 2 });
  expect(models).toEqual(['fits']);
  const why = new Map((await repository.index()).map(({ name, reason }) => [name, reason]));
  expect(why.get('whole')).toMatch(
    /options-invalid: .* 3\.2 MiB of weights.* \{"ranks": 2\} .* 1\.\d MiB on each/,
  );
  expect(why.get('heavy')).toMatch(/options-invalid: of 2 ranks .* 2\.8 MiB .* \{"ranks": 4\}/);
  expect(why.get('open')).toMatch(/options-invalid: .*'input' of model 'open' is \[batch,3,224,224\]/);
  expect(why.get('twice')).toMatch(
    /options-invalid: version 1 of model 'twice' has 1\.\d MiB .* rank 0, which holds 1\.\d MiB \('fits' 1 /,
  );
  expect(why.get('unparted')).toMatch(/options-invalid: no weight of model 'unparted' can be parted/);
});

it('wants a folder for their files, and a whole number of ranks from 2', async () => {
  const common = { name: 'net', version: '1', executors: [], maxCuts: 2, maxBatch: 2, inputShapes: {} };
  const about = { ...common, source: memorySource(new Uint8Array()), log: silentLog() };
  await expect(prepareModel({ ...about, ranks: { count: 2, sets: setsOn(2) } })).rejects.toMatchObject({
    code: 'options-invalid',
    message: expect.stringContaining('ranksFolder'),
  });
  await add('net', 'LSTM', { ranks: 1 });
  await expect(readModelSettings(join(folder, 'models', 'net', 'cutpoint.json'))).rejects.toMatchObject({
    code: 'options-invalid',
    message: expect.stringMatching(/ranks.*>=2/),
  });
});

describe('sets of ranks', () => {
  it('have a graphics processor for each rank; what is left over gives its batches to them', async () => {
    const sets = await setsOn(5).take(2);
    expect(sets.map(({ executors }) => executors)).toEqual([
      ['cuda:0', 'cuda:1', 'cuda:4'],
      ['cuda:2', 'cuda:3'],
    ]);
    expect(sets.map(({ runtimes }) => runtimes.map(({ description }) => description))).toEqual([
      ['device 0', 'device 1'],
      ['device 2', 'device 3'],
    ]);
  });

  it('are refused where there are more ranks than graphics processors', async () => {
    await expect(setsOn(1).take(2)).rejects.toMatchObject({
      code: 'options-invalid',
      message: expect.stringMatching(/2 ranks .* has 1 \(cuda:0\)/),
    });
  });
});

import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { directRuntime } from '../../../test/support/direct-runtime.ts';
import { randomNumbers, randomTensor } from '../../../test/support/models/random-weights.ts';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { openModel, type SplitModel } from '../session/open-model.ts';
import { fileSource } from '../source/file.ts';
import { checkRanks } from './check-ranks.ts';
import { openRankedExecutor } from './ranked-executor.ts';
import { createShardCache, type ShardCache, type WantedShards } from './shard-cache.ts';
import { planShards } from './shard-plan.ts';
import { rankWeights, weightBytes } from './wanted-weights.ts';

const runtime = directRuntime();
let [models, folder] = ['', ''];
let model: SplitModel;
let wanted: WantedShards;
let cache: ShardCache;

beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'shard-models-'));
  await writeFile(join(models, 'model.onnx'), smallConvNet());
  model = await openModel(fileSource(join(models, 'model.onnx')), runtime, {
    inputShapes: { input: [1, 3, 32, 32] },
  });
  const cuts = model.cuts.filter(({ depth }) => depth > 0 && depth < 1).slice(2, 4);
  wanted = { digest: model.digest, model, cuts, ranks: 2, minSplitBytes: 64 };
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shard-cache-'));
  cache = createShardCache(folder);
});
afterEach(async () => {
  await cache.close();
  await rm(folder, { recursive: true });
});
afterAll(async () => {
  await runtime.close();
  await rm(models, { recursive: true });
});

/** As after a restart. */
async function reopened(): Promise<ShardCache> {
  await cache.close();
  cache = createShardCache(folder);
  return cache;
}

it('makes shards once; those that are found compute what the whole model does', async () => {
  const made = await cache.take(wanted);
  const found = await reopened().then((again) => again.take(wanted));
  expect([made.wasThere, found.wasThere]).toEqual([false, true]);
  expect(found.shards).toEqual(made.shards);
  const runtimes = [runtime, runtime];
  const executor = await openRankedExecutor({ ...found, cuts: wanted.cuts, runtimes });
  const feeds = { input: randomTensor(randomNumbers(5), [1, 3, 32, 32]) };
  expect(await checkRanks(executor, { model, runtime, feeds })).toBeLessThanOrEqual(1e-5);
  await executor.close();
});

it('keeps what differs in ranks, cuts or shapes apart', async () => {
  const wider = new Map(model.sizedTypes);
  wider.set('input', { name: 'input', type: 'float32', shape: [2, 3, 32, 32] });
  await cache.take(wanted);
  const others = [
    { ...wanted, ranks: 3 },
    { ...wanted, cuts: wanted.cuts.slice(1) },
    { ...wanted, model: { ...model, sizedTypes: wider } },
  ];
  for (const other of others) expect((await cache.take(other)).wasThere).toBe(false);
  expect(await readdir(folder)).toHaveLength(4);
});

it('leaves nothing that could be taken for whole when the model cannot be read', async () => {
  const path = join(models, 'model.onnx');
  const bytes = await readFile(path);
  await truncate(path, bytes.length - 5000);
  await expect(cache.take(wanted)).rejects.toMatchObject({ code: 'model-invalid' });
  expect(await readdir(folder)).toEqual([]);
  await writeFile(path, bytes);
  expect((await cache.take(wanted)).wasThere).toBe(false);
});

it.each([
  ['a file of weights is cut off', 'rank-1-of-2.weights', (path: string) => truncate(path, 100)],
  ['a model is missing', 'rank-0-level-0.onnx', (path: string) => rm(path)],
  ['the list is not one', 'shards.json', (path: string) => writeFile(path, '{"form": 1}')],
])('makes them anew where %s', async (_, file, spoil) => {
  const { shards } = await cache.take(wanted);
  await spoil(join(shards[1]?.directory as string, file));
  const again = await reopened().then((next) => next.take(wanted));
  expect(again.wasThere).toBe(false);
  expect(again.shards).toEqual(shards);
});

it('sweeps what nobody has taken and what a crash left, and nothing else', async () => {
  const [kept, gone] = [await cache.take(wanted), await cache.take({ ...wanted, ranks: 3 })];
  await writeFile(join(folder, 'notes.txt'), 'mine');
  await writeFile(join(folder, '.half-0123456789abcdef'), '');
  await cache.sweep();
  expect(await readdir(folder)).toHaveLength(3);
  for (const taken of [gone, gone]) taken.letGo();
  await cache.sweep();
  expect(await readdir(folder)).toHaveLength(2);
  kept.letGo();
  await cache.sweep();
  expect(await readdir(folder)).toEqual(['notes.txt']);
});

it.runIf(process.platform === 'linux')('has its folder for itself until it is closed', async () => {
  await cache.take(wanted);
  const other = createShardCache(folder);
  for (const use of [() => other.take(wanted), () => other.sweep()])
    await expect(use()).rejects.toMatchObject({
      code: 'options-invalid',
      message: expect.stringContaining(folder),
    });
  for (let twice = 0; twice < 2; twice++) await cache.close();
  expect((await other.take(wanted)).wasThere).toBe(true);
  await other.close();
});

it('says by a code when files cannot be written', async () => {
  await writeFile(join(folder, 'file'), '');
  const misplaced = createShardCache(join(folder, 'file'));
  await expect(misplaced.take(wanted)).rejects.toMatchObject({ code: 'storage-failed' });
  await expect(misplaced.sweep()).rejects.toMatchObject({ code: 'storage-failed' });
});

it('counts the bytes of each rank before any are written', async () => {
  const { shards } = await cache.take({ ...wanted, cuts: [] });
  const plan = planShards(model.graph, { ranks: 2, sizedTypes: model.sizedTypes, minSplitBytes: 64 });
  expect(rankWeights(model.graph, plan, model.types).map(({ bytes }) => bytes)).toEqual(
    shards[0]?.ranks.map((rank) => rank.weightBytes),
  );
  expect(weightBytes(model.graph)).toBe(shards[0]?.wholeWeightBytes);
});

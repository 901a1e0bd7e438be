import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directRuntime } from '../../../test/support/direct-runtime.ts';
import type { Architecture } from '../../../test/support/models/architecture.ts';
import { architectureFeeds, architectureShapes } from '../../../test/support/models/architecture-feeds.ts';
import { ARCHITECTURES } from '../../../test/support/models/architectures.ts';
import { openModel } from '../session/open-model.ts';
import { fileSource } from '../source/file.ts';
import { memorySource } from '../source/memory.ts';
import { compareOutputs } from '../verify/compare.ts';
import { createRankGroup } from './rank-group.ts';
import { writeShards } from './shard-files.ts';
import { planShards } from './shard-plan.ts';

const runtime = directRuntime();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ranks-'));
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true });
});

async function shard(
  architecture: Architecture,
  {
    ranks,
    minSplitBytes = 1024,
    inFile = false,
  }: { ranks: number; minSplitBytes?: number; inFile?: boolean },
) {
  const scale = architecture.smallScale;
  const bytes = architecture.make({ scale });
  const path = join(folder, 'model.onnx');
  if (inFile) await writeFile(path, bytes);
  const source = inFile ? fileSource(path) : memorySource(bytes);
  const model = await openModel(source, runtime, {
    inputShapes: architectureShapes(architecture, { scale }),
  });
  const plan = planShards(model.graph, { ranks, sizedTypes: model.sizedTypes, minSplitBytes });
  const directory = join(folder, `${ranks}`);
  const shards = await writeShards(model.graph, plan, {
    types: model.types,
    directory,
    sourceDirectory: source.directory,
  });
  return { bytes, model, plan, shards };
}

async function compare(architecture: Architecture, options: { ranks: number; inFile?: boolean }) {
  const { bytes, model, shards } = await shard(architecture, options);
  const feeds = architectureFeeds(architecture, { scale: architecture.smallScale });
  const fetches = model.outputs.map(({ name }) => name);
  const whole = await runtime.load({ bytes });
  const { values: expected } = await runtime.run({ models: [whole], feeds, fetches });
  const runtimes = Array.from({ length: options.ranks }, () => runtime);
  const group = await createRankGroup({ shards, runtimes });
  const { values } = await group.run({ feeds, fetches });
  await Promise.all([group.close(), whole.release()]);
  return compareOutputs(values, expected, fetches);
}

describe('all ranks together lie within 1e-5 of the whole', () => {
  it.each(
    ARCHITECTURES.map((architecture) => [architecture.name, architecture] as const),
  )('two of %s', async (_, architecture) => {
    expect((await compare(architecture, { ranks: 2 })).relative).toBeLessThanOrEqual(1e-5);
  });

  it.each(
    ARCHITECTURES.filter(({ name }) => /ResNet-50|MobileNetV2|BERT-base$|GPT/.test(name)).map(
      (architecture) => [architecture.name, architecture] as const,
    ),
  )('three of %s, to whom nothing divides evenly', async (_, architecture) => {
    expect((await compare(architecture, { ranks: 3 })).relative).toBeLessThanOrEqual(1e-5);
  });
});

describe('the weights of a rank', () => {
  it.each([
    'VGG-16',
    'ResNet-50',
    'BERT-base',
  ])('of %s are its share and a tenth of the model at most', async (name) => {
    const architecture = ARCHITECTURES.find((one) => one.name === name) as Architecture;
    for (const ranks of [2, 4]) {
      const { shards } = await shard(architecture, { ranks, minSplitBytes: 256 });
      for (const { weightBytes } of shards.ranks)
        expect(weightBytes / shards.wholeWeightBytes).toBeLessThanOrEqual(1 / ranks + 0.1);
    }
  });

  it('are read from the model’s own file as they are from memory', async () => {
    const architecture = ARCHITECTURES.find(({ name }) => name === 'ResNet-18') as Architecture;
    expect((await compare(architecture, { ranks: 2, inFile: true })).relative).toBeLessThanOrEqual(1e-5);
  });
});

describe('files of ranks that cannot be written', () => {
  const architecture = ARCHITECTURES.find(({ name }) => name === 'AlexNet') as Architecture;
  const writeInto = async (directory: string) => {
    const model = await openModel(
      memorySource(architecture.make({ scale: architecture.smallScale })),
      runtime,
    );
    const plan = planShards(model.graph, { ranks: 2, sizedTypes: model.sizedTypes, minSplitBytes: 1024 });
    return writeShards(model.graph, plan, { types: model.types, directory });
  };

  it('are an error with a code and the path at fault, where the folder is none', async () => {
    const path = join(folder, 'file');
    await writeFile(path, '');
    await expect(writeInto(path)).rejects.toMatchObject({
      code: 'storage-failed',
      message: expect.stringContaining(path),
    });
  });

  it.runIf(process.platform === 'linux')('are so on a full disk', async () => {
    const path = join(folder, 'full', 'rank-1-of-2.weights');
    await mkdir(join(folder, 'full'));
    await symlink('/dev/full', path);
    await expect(writeInto(join(folder, 'full'))).rejects.toMatchObject({
      code: 'storage-failed',
      message: expect.stringMatching(new RegExp(`${path}: .*ENOSPC`)),
    });
  });
});

describe('a rank group', () => {
  const architecture = ARCHITECTURES.find(({ name }) => name === 'AlexNet') as Architecture;

  it('wants a runtime for each rank', async () => {
    const { shards } = await shard(architecture, { ranks: 2 });
    await expect(createRankGroup({ shards, runtimes: [runtime] })).rejects.toMatchObject({
      code: 'options-invalid',
    });
  });

  it('says which feed is missing, and nothing after it was closed', async () => {
    const { shards, model } = await shard(architecture, { ranks: 2 });
    const group = await createRankGroup({ shards, runtimes: [runtime, runtime] });
    const fetches = model.outputs.map(({ name }) => name);
    await expect(group.run({ feeds: {}, fetches })).rejects.toMatchObject({
      code: 'runtime-failed',
      message: expect.stringContaining('"input"'),
    });
    await group.close();
    await group.close();
    await expect(group.run({ feeds: {}, fetches })).rejects.toMatchObject({ code: 'closed' });
  });

  it.each([0, 1, 1.5, 65])('cannot have %s ranks', async (ranks) => {
    const model = await openModel(
      memorySource(architecture.make({ scale: architecture.smallScale })),
      runtime,
    );
    expect(() => planShards(model.graph, { ranks, sizedTypes: model.sizedTypes })).toThrow(/from 2 to 64/);
  });
});

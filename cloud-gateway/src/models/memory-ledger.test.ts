/** What is loaded on an executor counts together, whatever is loaded, let go or exchanged. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memorySource, openModel, weightBytes } from '@cutpoint/sdk/gateway';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { directRuntime } from '../../../test/support/direct-runtime.ts';
import { randomNumbers, randomTensor } from '../../../test/support/models/random-weights.ts';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { createGatewayEvents } from '../events.ts';
import { silentLog } from '../log.ts';
import { createMemoryLedger } from './memory-ledger.ts';
import { createRepository, type ModelRepository } from './repository.ts';

const runtime = directRuntime();
let modelBytes = 0;
let folder = '';
let repository: ModelRepository | undefined;

beforeAll(async () => {
  modelBytes = weightBytes((await openModel(memorySource(smallConvNet()), runtime)).graph);
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-memory-'));
});
afterEach(async () => {
  await repository?.close();
  await rm(folder, { recursive: true });
});
afterAll(() => runtime.close());

async function add(name: string, version = 1): Promise<void> {
  await mkdir(join(folder, name, `${version}`), { recursive: true });
  await writeFile(join(folder, name, `${version}`, 'model.onnx'), smallConvNet({ seed: version }));
}

/** Room for so many models on its one executor. */
async function open(models: number, keepVersions: number): Promise<ModelRepository> {
  const log = silentLog();
  repository = createRepository({
    ...{ directory: folder, keepVersions, log, events: createGatewayEvents(log), maxCuts: 1, maxBatch: 1 },
    executors: [{ name: 'cpu', provider: 'cpu', runtime }],
    memory: createMemoryLedger(models * modelBytes),
  });
  await repository.loadAll();
  return repository;
}

const versionsOf = (name: string) => repository?.versionsOf(name).map(({ version }) => version);
const answers = async (name: string) => {
  const feeds = { input: randomTensor(randomNumbers(1), [1, 3, 32, 32]) };
  const { values } =
    (await repository
      ?.find(name)
      ?.replicaOn('cpu')
      .run({ feeds, fetches: ['output'] })) ?? {};
  return values?.output?.data.length ?? 0;
};

describe('the memory of an executor', () => {
  it('has no room for the model that is one too many, until another is gone', async () => {
    for (const name of ['a', 'b', 'c']) await add(name);
    const { index, unload, load } = await open(2.5, 2);
    expect((await index()).map(({ name, reason }) => [name, reason])).toEqual([
      ['a', ''],
      ['b', ''],
      [
        'c',
        expect.stringMatching(/^options-invalid: version 1 of model 'c' .* executor cpu.*\('a' 1 .*'b' 1 /),
      ],
    ]);
    await unload('a');
    await load('c');
    expect([versionsOf('b'), versionsOf('c')]).toEqual([['1'], ['1']]);
  });

  it('counts the versions that are kept: without room beside them a new one is refused, and they serve on', async () => {
    await add('net', 1);
    const { load } = await open(2.5, 2);
    await add('net', 2);
    await load('net');
    await add('net', 3);
    await expect(load('net')).rejects.toMatchObject({
      code: 'options-invalid',
      message: expect.stringMatching(/^version 3 of .*\('net' 1 .*'net' 2 .*keepVersions/),
    });
    expect(versionsOf('net')).toEqual(['2', '1']);
    expect(await answers('net')).toBeGreaterThan(0);
  });

  it('counts a version that was let go until its requests are answered, and a load waits for that', async () => {
    await add('net', 1);
    const { load } = await open(2.5, 1);
    const answered = repository?.find('net')?.hold();
    await add('net', 2);
    await load('net');
    await add('net', 3);
    let isLoaded = false;
    const loading = load('net').then(() => {
      isLoaded = true;
    });
    expect(await answers('net')).toBeGreaterThan(0);
    expect([isLoaded, versionsOf('net')]).toEqual([false, ['2']]);
    answered?.();
    await loading;
    expect(versionsOf('net')).toEqual(['3']);
  });

  it('is free when what held it is closed, once however often that is said', async () => {
    const ledger = createMemoryLedger(10);
    const place = { name: 'cpu', runtime };
    const executor = { cuts: [], description: '', run: () => Promise.reject(), close: async () => {} };
    const held = ledger.hold(executor, [{ name: 'a', version: '1', bytes: 8, runtime }]);
    const other = { name: 'b', version: '1', bytes: 3 };
    expect(() => ledger.check(other, place)).toThrow(/0\.0 MiB/);
    for (let twice = 0; twice < 2; twice++) await held.close();
    expect(() => ledger.check(other, place)).not.toThrow();
  });
});

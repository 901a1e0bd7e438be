import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrtProcess, fileSource, type ProcessRuntime } from '@cutpoint/sdk/gateway';
import { afterAll, expect, it } from 'vitest';
import { randomNumbers, randomTensor } from '../../../test/support/models/random-weights.ts';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { silentLog } from '../log.ts';
import { prepareModel } from './prepare-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-prepare-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('tries a model of a graphics processor in a process that ends, and fills its batches up to one number of rows', async () => {
  const path = join(folder, 'model.onnx');
  writeFileSync(path, smallConvNet());
  const runtime = await createOrtProcess({ threads: 1 });
  const beside: (number | undefined)[] = [];
  // What is taken for a graphics processor here is the CPU: only its name differs.
  const startBeside = async (): Promise<ProcessRuntime> => {
    const started = await createOrtProcess({ threads: 1 });
    beside.push(started.pid);
    return started;
  };
  try {
    const model = await prepareModel({
      ...{ name: 'net', version: '1', source: fileSource(path), maxCuts: 4, maxBatch: 6, log: silentLog() },
      ...{ executors: [{ name: 'cuda:0', provider: 'cuda', runtime, startBeside }], inputShapes: {} },
    });
    expect(model).toMatchObject({ isFilled: true, batching: 'mixed' });
    expect(beside).toHaveLength(1);
    expect(() => process.kill(beside[0] as number, 0)).toThrow('ESRCH');
    const replica = model.replicaOn('cuda:0');
    const feeds = { input: randomTensor(randomNumbers(1), [1, 3, 32, 32]) };
    const fetches = model.outputs.map(({ name }) => name);
    const whole = await replica.run({ feeds, fetches });
    const tails = [];
    for (const from of replica.cuts) {
      const head = await replica.run({ to: from, feeds, fetches: from.tensors.map(({ name }) => name) });
      tails.push({ from, feeds: head.values, fetches });
    }
    for (const result of await Promise.all(replica.runBatch?.([{ feeds, fetches }, ...tails]) ?? []))
      for (const name of fetches)
        for (const [i, value] of [...(result.values[name]?.data ?? [])].entries())
          expect(value).toBeCloseTo(Number(whole.values[name]?.data[i]), 4);
    await model.close();
  } finally {
    await runtime.close();
  }
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomNumbers, randomTensor } from '../../../../test/support/models/random-weights.ts';
import { smallConvNet } from '../../../../test/support/models/small-conv-net.ts';
import { fitAffine } from '../../codec/number-format/uint8-affine.ts';
import type { Cut } from '../../cut/cut.ts';
import type { QuantisedTensor } from '../../quantised.ts';
import { openExecutor } from '../../session/open-executor.ts';
import { openModel } from '../../session/open-model.ts';
import { probeRows } from '../../session/probe-rows.ts';
import { memorySource } from '../../source/memory.ts';
import type { Tensor, Tensors } from '../../tensor.ts';
import { createOrtNode } from '../ort-node.ts';
import type { Runtime } from '../runtime.ts';
import type { Executor, ExecutorRequest } from './executor.ts';

describe('tails that take bytes', () => {
  let runtime: Runtime;
  let executor: Executor;
  beforeAll(async () => {
    runtime = await createOrtNode({ threads: 1 });
    const model = await openModel(memorySource(smallConvNet()), runtime, {
      inputShapes: { input: [1, 3, 32, 32] },
    });
    const inner = model.cuts.filter(({ depth }) => depth > 0 && depth < 1);
    executor = await openExecutor(model, inner, runtime, {
      kind: 'valve',
      rowProbe: probeRows,
      dequantise: 'on',
    });
  });
  afterAll(async () => {
    await executor.close();
    await runtime.close();
  });

  /** The tail at a cut, fed with bytes, and the same fed with the floats that the bytes mean. */
  async function tailsAt(cut: Cut, o: { seed: number; rows: number; times?: number }) {
    const input = randomTensor(randomNumbers(o.seed), [o.rows, 3, 32, 32]);
    // Rows of different devices have ranges of different sizes.
    const feeds = { input: { ...input, data: (input.data as Float32Array).map((x) => x * (o.times ?? 1)) } };
    const head = await executor.run({ to: cut, feeds, fetches: cut.tensors.map(({ name }) => name) });
    const quantisedFeeds: Record<string, QuantisedTensor> = {};
    const floats: Record<string, Tensor> = {};
    for (const [name, tensor] of Object.entries(head.values)) {
      const bytes = quantise(tensor);
      quantisedFeeds[name] = bytes;
      floats[name] = {
        ...tensor,
        data: Float32Array.from(bytes.symbols, (s) => (s - bytes.zeroPoint) * bytes.scale),
      };
    }
    const base = { from: cut, fetches: ['output'] };
    return {
      asBytes: { ...base, feeds: {}, quantisedFeeds } satisfies ExecutorRequest,
      asFloats: { ...base, feeds: floats as Tensors } satisfies ExecutorRequest,
    };
  }

  it('name what they take, at every cut', () => {
    for (const cut of executor.cuts)
      expect(executor.takesBytes?.(cut)).toEqual(cut.tensors.map(({ name }) => name));
  });

  it('give what the floats give, one row or several', async () => {
    for (const [seed, cut] of executor.cuts.entries()) {
      const { asBytes, asFloats } = await tailsAt(cut, { seed, rows: 1 + (seed % 3) });
      expectClose(await executor.run(asBytes), await executor.run(asFloats));
    }
  });

  it('give each row its own scale in a batch over many cuts, beside whole runs and floats', async () => {
    const tails = await Promise.all(
      executor.cuts.flatMap((cut, i) => [
        tailsAt(cut, { seed: i, rows: 1, times: 100 }),
        tailsAt(cut, { seed: i + 50, rows: 2 }),
      ]),
    );
    const whole = { feeds: { input: randomTensor(randomNumbers(99), [1, 3, 32, 32]) }, fetches: ['output'] };
    const requests = [
      ...tails.map(({ asBytes }) => asBytes),
      whole,
      ...tails.map(({ asFloats }) => asFloats),
    ];
    const results = await Promise.all(executor.runBatch?.(requests) ?? []);
    const half = tails.length;
    for (let i = 0; i < half; i++) expectClose(results[i], results[half + 1 + i]);
    expectClose(results[half], await executor.run(whole));
  });

  it('give the same in a batch that is filled up, whatever enters where', async () => {
    executor.fillTo?.(9);
    const tails = await Promise.all(executor.cuts.map((cut, i) => tailsAt(cut, { seed: i + 9, rows: 1 })));
    for (const chosen of [tails.slice(0, 1), tails.slice(1), tails, tails.toReversed()]) {
      const results = await Promise.all(executor.runBatch?.(chosen.map(({ asBytes }) => asBytes)) ?? []);
      for (const [i, { asFloats }] of chosen.entries()) expectClose(results[i], await executor.run(asFloats));
    }
    executor.fillTo?.(undefined);
  });

  it('are refused where a tensor comes neither so nor so', async () => {
    const [cut] = executor.cuts as [Cut];
    const nothing = executor.run({ from: cut, feeds: {}, fetches: ['output'] });
    await expect(nothing).rejects.toMatchObject({ code: 'runtime-failed' });
  });
});

function quantise({ data, dims }: Tensor): QuantisedTensor {
  const floats = data as Float32Array;
  const { scale, zeroPoint } = fitAffine(floats) ?? { scale: 1, zeroPoint: 0 };
  const symbols = Uint8Array.from(floats, (value) =>
    Math.min(255, Math.max(0, Math.round(value / scale + zeroPoint))),
  );
  return { type: 'float32', dims, symbols, scale, zeroPoint };
}

function expectClose(
  actual: { values: Tensors } | undefined,
  expected: { values: Tensors } | undefined,
): void {
  const [mine, theirs] = [actual, expected].map((result) => result?.values.output?.data as Float32Array);
  expect(mine).toHaveLength(theirs?.length ?? -1);
  const largest = Math.max(...(theirs ?? []).map(Math.abs));
  for (const [i, value] of theirs?.entries() ?? [])
    expect(mine?.[i]).toBeCloseTo(value, 3 - Math.log10(largest));
}

import { afterAll, describe, expect, it } from 'vitest';
import { directRuntime } from '../../../test/support/direct-runtime.ts';
import { ocrModels } from '../../../test/support/models/ocr-models.ts';
import { randomNumbers, randomTensor } from '../../../test/support/models/random-weights.ts';
import { sileroModels, wakeWordModels } from '../../../test/support/models/speech-models.ts';
import { offeredCuts } from '../cut/candidates.ts';
import { openExecutor } from '../session/open-executor.ts';
import { openModel } from '../session/open-model.ts';
import { probeRows } from '../session/probe-rows.ts';
import { fileSource } from '../source/file.ts';
import type { Tensor, Tensors } from '../tensor.ts';
import { verifyCuts } from './verify-cuts.ts';

interface RealModel {
  readonly name: string;
  readonly path: string;
  readonly feeds: Tensors;
  /** One offered cut in so many is checked, by executor. */
  readonly oneOf: Readonly<Record<'chain' | 'valve' | 'separate', number>>;
}

const random = (shape: readonly number[]) => randomTensor(randomNumbers(17), shape);
const few = { chain: 1, valve: 1, separate: 1 };

const ocr = Object.entries(ocrModels()).map(([name, { path, shape }]): RealModel => {
  return {
    name: `PP-OCR ${name}`,
    path,
    feeds: { x: random(shape) },
    oneOf: { chain: 2, valve: 8, separate: 16 },
  };
});
const speech = sileroModels().map(({ name, path, state }): RealModel => {
  const rate: Tensor = { type: 'int64', data: BigInt64Array.of(16_000n), dims: [] };
  const states = Object.fromEntries(Object.entries(state).map(([input, shape]) => [input, random(shape)]));
  return { name, path, feeds: { input: random([1, 512]), sr: rate, ...states }, oneOf: few };
});
const wakeWords = wakeWordModels().map(({ name, path, shape }): RealModel => {
  return { name, path, feeds: { 'onnx::Flatten_0': random(shape) }, oneOf: few };
});

const runtime = directRuntime();
afterAll(() => runtime.close());

describe.each([...ocr, ...speech, ...wakeWords])('$name', ({ path, feeds, oneOf }) => {
  const inputShapes = Object.fromEntries(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));

  it.each([
    'chain',
    'valve',
    'separate',
  ] as const)('gives the same bits cut as whole, in a %s', async (kind) => {
    const model = await openModel(fileSource(path), runtime, { inputShapes });
    const offered = offeredCuts(model.cuts, model.graph);
    const cuts = offered.filter((_cut, i) => i % oneOf[kind] === 0);
    const verdicts = await verifyCuts({
      source: model.source,
      runtime,
      optimization: 'extended',
      outputs: model.outputs.map(({ name }) => name),
      feeds: [feeds],
      cuts,
      together: 8,
      openExecutor: (group) =>
        openExecutor(model, group, runtime, { kind, rowProbe: probeRows, optimization: 'extended', feeds }),
    });
    expect(verdicts.length).toBe(cuts.length);
    expect(verdicts.length).toBeGreaterThan(0);
    expect(verdicts.filter(({ isExact }) => !isExact).map(({ cut }) => cut.position)).toEqual([]);
  });
});

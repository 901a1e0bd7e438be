import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directRuntime } from '../../../test/support/direct-runtime.ts';
import { ocrModels } from '../../../test/support/models/ocr-models.ts';
import { randomNumbers, randomTensor } from '../../../test/support/models/random-weights.ts';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { transformer } from '../../../test/support/models/transformer.ts';
import {
  isSameBits,
  type Run,
  relativeError,
  runSegments,
  runSplit,
  runWhole,
  segmentOptionsOf,
} from '../../../test/support/split-runs.ts';
import { openModel, type SplitModel } from '../session/open-model.ts';
import { fileSource } from '../source/file.ts';
import { memorySource } from '../source/memory.ts';
import type { ModelSource } from '../source/model-source.ts';
import { candidateCuts } from './candidates.ts';
import { segmentChain } from './segments.ts';

const runtime = directRuntime();
afterAll(() => runtime.close());

const { det, rec, cls } = ocrModels();
const MODELS: readonly [string, () => ModelSource, string, readonly number[]][] = [
  ['a small convolutional net', () => memorySource(smallConvNet()), 'input', [2, 3, 32, 32]],
  ['a small transformer', () => memorySource(transformer()), 'input', [1, 7, 32]],
  ['the PP-OCR detector', () => fileSource(det.path), 'x', det.shape],
  ['the PP-OCR recogniser', () => fileSource(rec.path), 'x', rec.shape],
  ['the PP-OCR classifier', () => fileSource(cls.path), 'x', cls.shape],
];

describe.each(MODELS)('head and tail of %s', (_, source, input, shape) => {
  let model: SplitModel;
  let run: Run;
  beforeAll(async () => {
    model = await openModel(source(), runtime, { inputShapes: { [input]: shape } });
    run = { runtime, model, feeds: { [input]: randomTensor(randomNumbers(5), shape) } };
  });

  it('equal the whole model bit for bit without graph optimisation, at every candidate cut', async () => {
    const plain = { ...run, optimization: 'disabled' } as const;
    const whole = await runWhole(plain);
    const cuts = candidateCuts(model.cuts, model.graph);
    expect(cuts.length).toBeGreaterThanOrEqual(4);
    for (const cut of cuts) {
      const split = await runSplit(plain, cut);
      for (const { name } of model.outputs) expect(isSameBits(split[name], whole[name])).toBe(true);
    }
  });

  it('are within 1e-5 of it with all optimisations, at every candidate cut', async () => {
    const whole = await runWhole(run);
    for (const cut of candidateCuts(model.cuts, model.graph)) {
      const split = await runSplit(run, cut);
      for (const { name } of model.outputs) {
        expect(relativeError(split[name], whole[name])).toBeLessThan(1e-5);
      }
    }
  });

  it('can be a chain of four segments', async () => {
    const cuts = candidateCuts(model.cuts, model.graph, { limit: 3 });
    const segments = segmentChain(model.graph, cuts, segmentOptionsOf(model));
    expect(segments).toHaveLength(4);
    const [chained, whole] = [await runSegments(run, segments), await runWhole(run)];
    for (const { name } of model.outputs) {
      expect(relativeError(chained[name], whole[name])).toBeLessThan(1e-5);
    }
  });

  it('know the bytes of every cut, and cross at most a few tensors', () => {
    for (const cut of model.cuts) expect(cut).toMatchObject({ bytes: expect.any(Number) });
    expect(Math.max(...model.cuts.map((cut) => cut.tensors.length))).toBeLessThanOrEqual(8);
  });
});

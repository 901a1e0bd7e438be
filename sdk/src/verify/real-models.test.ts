import { afterAll, describe, expect, it } from 'vitest';
import { directRuntime } from '../../../test/support/direct-runtime.ts';
import { ocrModels } from '../../../test/support/models/ocr-models.ts';
import { randomNumbers, randomTensor } from '../../../test/support/models/random-weights.ts';
import { offeredCuts } from '../cut/candidates.ts';
import { openExecutor } from '../session/open-executor.ts';
import { openModel } from '../session/open-model.ts';
import { fileSource } from '../source/file.ts';
import { verifyCuts } from './verify-cuts.ts';

const runtime = directRuntime();
afterAll(() => runtime.close());

describe.each(Object.entries(ocrModels()))('the PP-OCR model %s', (_, { path, shape }) => {
  it.each([
    ['chain', 2],
    ['valve', 8],
  ] as const)('gives the same bits cut as whole, in a %s, at one offered cut of %i', async (kind, oneOf) => {
    const model = await openModel(fileSource(path), runtime, { inputShapes: { x: shape } });
    const feeds = { x: randomTensor(randomNumbers(17), shape) };
    const cuts = offeredCuts(model.cuts, model.graph).filter((_cut, i) => i % oneOf === 0);
    const verdicts = await verifyCuts({
      source: model.source,
      runtime,
      optimization: 'extended',
      outputs: model.outputs.map(({ name }) => name),
      feeds: [feeds],
      cuts,
      together: 8,
      openExecutor: (group) => openExecutor(model, group, runtime, { kind, optimization: 'extended', feeds }),
    });
    expect(verdicts.length).toBeGreaterThan(10);
    expect(verdicts.filter(({ isExact }) => !isExact).map(({ cut }) => cut.position)).toEqual([]);
  });
});

import { afterAll, describe, expect, it } from 'vitest';
import { directRuntime } from '../../../test/support/direct-runtime.ts';
import type { Architecture } from '../../../test/support/models/architecture.ts';
import { architectureShapes } from '../../../test/support/models/architecture-feeds.ts';
import { ARCHITECTURES } from '../../../test/support/models/architectures.ts';
import { openModel, type SplitModel } from '../session/open-model.ts';
import { memorySource } from '../source/memory.ts';
import { fewestRanks, rankMemory } from './rank-memory.ts';
import { weightBytes } from './wanted-weights.ts';

const runtime = directRuntime();
afterAll(() => runtime.close());

const vgg = ARCHITECTURES.find(({ name }) => name === 'VGG-16') as Architecture;
const options = { cuts: [], minSplitBytes: 256 };
let opened: Promise<SplitModel> | undefined;

function open(): Promise<SplitModel> {
  const scale = vgg.smallScale;
  opened ??= openModel(memorySource(vgg.make({ scale })), runtime, {
    inputShapes: architectureShapes(vgg, { scale }),
  });
  return opened;
}

describe('the fewest ranks', () => {
  it('are none where one runtime has room for all weights', async () => {
    const model = await open();
    expect(fewestRanks(model, { ...options, memoryBytes: weightBytes(model.graph) })).toBeUndefined();
  });

  it('have room where one fewer has not', async () => {
    const model = await open();
    const memoryBytes = Math.round(weightBytes(model.graph) / 2.5);
    const { ranks, bytes } = fewestRanks(model, { ...options, memoryBytes }) ?? { ranks: 0, bytes: 0 };
    expect(ranks).toBeGreaterThanOrEqual(3);
    expect(bytes).toBeLessThanOrEqual(memoryBytes);
    expect(rankMemory(model, { ...options, ranks: ranks - 1 }).bytes).toBeGreaterThan(memoryBytes);
  });

  it('are none where what no rule parts is too much by itself', async () => {
    const model = await open();
    const { wholeBytes } = rankMemory(model, { ...options, ranks: 2 });
    expect(wholeBytes).toBeGreaterThan(0);
    expect(fewestRanks(model, { ...options, memoryBytes: wholeBytes })).toBeUndefined();
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { executorSuite } from '../runtime/executor/suite.ts';
import { createOrtNode } from '../runtime/ort-node.ts';
import { openModel } from '../session/open-model.ts';
import { memorySource } from '../source/memory.ts';
import { createRankedExecutor } from './ranked-executor.ts';

const directory = mkdtempSync(join(tmpdir(), 'ranked-'));
afterAll(() => rmSync(directory, { recursive: true }));

executorSuite('three ranks', {
  isBatching: false,
  createRuntime: () => createOrtNode({ threads: 1 }),
  async open(runtime, bytes, optimization) {
    const model = await openModel(memorySource(bytes), runtime, { inputShapes: { x: [1, 6] } });
    const cuts = model.cuts.filter(({ depth }) => depth > 0 && depth < 1);
    const runtimes = [runtime, runtime, runtime];
    return createRankedExecutor({ model, cuts, runtimes, directory, minSplitBytes: 64, optimization });
  },
});

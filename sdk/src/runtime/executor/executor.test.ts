import { type ExecutorKind, openExecutor } from '../../session/open-executor.ts';
import { openModel } from '../../session/open-model.ts';
import { probeRows } from '../../session/probe-rows.ts';
import { memorySource } from '../../source/memory.ts';
import { createOrtNode } from '../ort-node.ts';
import { executorSuite } from './suite.ts';

for (const kind of ['chain', 'valve', 'separate'] as const satisfies readonly ExecutorKind[]) {
  executorSuite(kind, {
    isBatching: kind === 'valve',
    createRuntime: () => createOrtNode({ threads: 1 }),
    async open(runtime, bytes, optimization) {
      const model = await openModel(memorySource(bytes), runtime, { inputShapes: { x: [1, 6] } });
      const isInner = ({ depth }: { depth: number }) => depth > 0 && depth < 1;
      return openExecutor(model, model.cuts.filter(isInner), runtime, {
        kind,
        rowProbe: probeRows,
        optimization,
      });
    },
  });
}

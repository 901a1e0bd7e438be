import { createOrtNode } from '../sdk/src/runtime/ort-node.ts';
import { openModel } from '../sdk/src/session/open-model.ts';
import { openExecutor } from '../sdk/src/session/open-executor.ts';
import { fileSource } from '../sdk/src/source/file.ts';
import { memorySource } from '../sdk/src/source/memory.ts';
import { candidateCuts } from '../sdk/src/cut/candidates.ts';
import { ocrModels } from './support/models/ocr-models.ts';
import { architectureShapes } from './support/models/architecture-feeds.ts';
import { ARCHITECTURES } from './support/models/architectures.ts';
const runtime = await createOrtNode();
const only = process.argv[2];
async function one(name: string, source: any, shapes: any) {
  if (only && !name.includes(only)) return;
  try {
    const t0 = performance.now();
    const model = await openModel(source, runtime, { inputShapes: shapes });
    const cuts = candidateCuts(model.cuts, model.graph, { limit: 6 });
    const t1 = performance.now();
    const e = await openExecutor(model, cuts, runtime);
    const t2 = performance.now();
    console.log(name, 'cuts', cuts.length, 'open', (t1 - t0).toFixed(0), 'executor', (t2 - t1).toFixed(0), e.report.kind, '|', e.report.reason, '|', e.report.rows, '|', e.report.notBatched.map(n => n.cut.position + ' ' + n.reason).join('; '));
    await e.close();
  } catch (error) { console.log(name, 'FAIL', (error as Error).message.slice(0, 300)); }
}
for (const [n, { path, shape }] of Object.entries(ocrModels())) await one('ocr-' + n, fileSource(path), { x: shape });
for (const a of ARCHITECTURES) await one(a.name, memorySource(a.make({ scale: a.smallScale, seed: 1 } as any)), architectureShapes(a,{scale:a.smallScale}));
await runtime.close();

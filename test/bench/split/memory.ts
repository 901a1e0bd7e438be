/**
 * Prints the resident set in megabytes after one run of a model: `node memory.ts MODEL HOW`, where HOW is `plain`, an
 * onnxruntime-node session on the file as everybody makes one, or `chain` or `valve`, opened as a session does.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { openExecutor } from '../../../sdk/src/session/open-executor.ts';
import { openModel } from '../../../sdk/src/session/open-model.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { cutsFor, PLAIN_OPTIONS, SHAPE } from './resnet.ts';

const [path = '', how = 'plain'] = process.argv.slice(2);
const input = randomTensor(randomNumbers(1), SHAPE);
await (how === 'plain' ? runPlain() : runCut(how === 'valve' ? 'valve' : 'chain'));
console.log(Math.round(process.memoryUsage().rss / 1e6));
process.exit(0);

async function runPlain(): Promise<void> {
  const session = await InferenceSession.create(path, PLAIN_OPTIONS);
  await session.run({ input: new Tensor('float32', input.data as Float32Array, SHAPE) });
}

async function runCut(kind: 'chain' | 'valve'): Promise<void> {
  const runtime = await createOrtNode({ threads: PLAIN_OPTIONS.intraOpNumThreads });
  const model = await openModel(fileSource(path), runtime, { inputShapes: { input: SHAPE } });
  const executor = await openExecutor(model, cutsFor(model, kind), runtime, { kind });
  await executor.run({ feeds: { input }, fetches: ['output'] });
}

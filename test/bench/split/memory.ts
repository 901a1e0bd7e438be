/**
 * Prints the resident set in megabytes after one run of ResNet-50, in a process of its own: `node memory.ts HOW FILE ...`.
 * - `plain FILE`: an onnxruntime-node session on the file as everybody makes one.
 * - `graphs FILE ...`: sessions of the same kind on graphs that name their weights in the model's file, each fed with
 *   what the one before it made; what else they take is fed so that everything runs.
 * - `whole`, `chain`, `valve` FILE: opened as a device or a gateway does, worker thread, probes and all.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { PLAIN_OPTIONS, SHAPE } from './plain.ts';

const [how = 'plain', ...files] = process.argv.slice(2);
const input = randomTensor(randomNumbers(1), SHAPE);
await (how === 'plain' || how === 'graphs' ? runGraphs() : runOpened(how, files[0] ?? ''));
console.log(Math.round(process.memoryUsage().rss / 1e6));
process.exit(0);

async function runGraphs(): Promise<void> {
  const sessions = [];
  for (const file of files) sessions.push(await InferenceSession.create(file, PLAIN_OPTIONS));
  let values: Record<string, Tensor> = { input: new Tensor('float32', input.data as Float32Array, SHAPE) };
  for (const session of sessions) {
    const feeds = session.inputMetadata.map((info) => [info.name, values[info.name] ?? control(info)]);
    const last = session.outputNames.at(-1) ?? '';
    values = { ...values, ...(await session.run(Object.fromEntries(feeds), [last])) };
  }
}

/** Of the valve graph: every segment runs, nothing enters. */
function control(info: InferenceSession.ValueMetadata): Tensor {
  if (!info.isTensor) throw new Error(`${info.name} is not a tensor`);
  if (info.type === 'bool') return new Tensor('bool', Uint8Array.of(info.name.includes('run_') ? 1 : 0), []);
  if (info.type === 'int64') return new Tensor('int64', new BigInt64Array(0), [0]);
  const dims = info.shape.map((dim) => (typeof dim === 'number' && dim > 0 ? dim : 0));
  return new Tensor('float32', new Float32Array(0), dims);
}

/** Imported here, so that the other processes do not hold this code. */
async function runOpened(how: string, path: string): Promise<void> {
  const { createOrtNode } = await import('../../../sdk/src/runtime/ort-node.ts');
  const { openExecutor } = await import('../../../sdk/src/session/open-executor.ts');
  const { probeRows } = await import('../../../sdk/src/session/probe-rows.ts');
  const { openModel } = await import('../../../sdk/src/session/open-model.ts');
  const { fileSource } = await import('../../../sdk/src/source/file.ts');
  const { cutsFor } = await import('./cuts.ts');
  const runtime = await createOrtNode({ threads: PLAIN_OPTIONS.intraOpNumThreads });
  const model = await openModel(fileSource(path), runtime, { inputShapes: { input: SHAPE } });
  const kind = how === 'valve' ? 'valve' : 'chain';
  const cuts = how === 'whole' ? [] : cutsFor(model, kind);
  const executor = await openExecutor(model, cuts, runtime, { kind, rowProbe: probeRows });
  await executor.run({ feeds: { input }, fetches: ['output'] });
}

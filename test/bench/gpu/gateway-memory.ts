/** Memory on the graphics processor: one plain session of the model, and the valve graph with eight cuts, at the same batches. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { candidateCuts } from '../../../sdk/src/cut/candidates.ts';
import { createOrtProcess, type ProcessRuntime } from '../../../sdk/src/runtime/ort-process.ts';
import { openExecutor } from '../../../sdk/src/session/open-executor.ts';
import { openModel } from '../../../sdk/src/session/open-model.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { SHAPE } from '../split/plain.ts';

export interface MemoryOptions {
  readonly path: string;
  readonly ort: { readonly provider: string; readonly modulePath?: string };
  readonly maxBatch: number;
  say(text: string): void;
}

/** MiB of the processor's memory that each takes, seen from outside, and the ratio. */
export async function measureMemory({ path, ort, maxBatch, say }: MemoryOptions) {
  const sizes = [1, maxBatch];
  const inputOf = (rows: number) => randomTensor(randomNumbers(rows), [rows, ...SHAPE.slice(1)]);
  const plainMiB = await within(ort, async (runtime) => {
    const model = await runtime.load({ bytes: readFileSync(path) });
    for (const size of sizes)
      await runtime.run({ models: [model], feeds: { input: inputOf(size) }, fetches: ['output'] });
  });
  say(`plain: ${plainMiB} MiB`);
  const valveMiB = await within(ort, async (runtime) => {
    const model = await openModel(fileSource(path), runtime, { inputShapes: { input: SHAPE } });
    const cuts = candidateCuts(model.cuts, model.graph, { limit: 8 });
    // Taken at its word: the chain that `auto` compares it with would leave its memory in the arena.
    const valve = await openExecutor(model, cuts, runtime, { kind: 'valve', dequantise: 'auto' });
    const request = { feeds: { input: inputOf(1) }, fetches: ['output'] };
    valve.fillTo?.(maxBatch);
    await Promise.all(valve.runBatch?.(Array(maxBatch).fill(request)) ?? []);
  });
  say(`valve: ${valveMiB} MiB`);
  return { plainMiB, valveMiB, gpuMemoryRatio: valveMiB / plainMiB };
}

const HANG_MS = 120_000;

async function within(
  ort: MemoryOptions['ort'],
  use: (runtime: ProcessRuntime) => Promise<void>,
): Promise<number> {
  const before = usedMiB();
  const runtime = await createOrtProcess({ ...ort, hangMs: HANG_MS });
  await use(runtime);
  const after = usedMiB();
  await runtime.close();
  return after - before;
}

/** Of the first graphics processor; NaN where there is none. */
function usedMiB(): number {
  const asked = ['--query-gpu=memory.used', '--format=csv,noheader,nounits', '--id=0'];
  const { stdout } = spawnSync('nvidia-smi', asked, { encoding: 'utf8' });
  return Number.parseFloat(stdout ?? '');
}

/** Memory on the graphics processor: one plain session of the model, and what a gateway takes that serves it at eight cuts. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ServedModel } from '../../../cloud-gateway/src/models/served-model.ts';
import type { PooledExecutor } from '../../../cloud-gateway/src/serving/executor-pool.ts';
import type { QuantisedTensor } from '../../../sdk/src/quantised.ts';
import { createOrtProcess } from '../../../sdk/src/runtime/ort-process.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { SHAPE } from '../split/plain.ts';

export interface MemoryOptions {
  readonly path: string;
  readonly ort: { readonly provider: string; readonly modulePath?: string };
  readonly maxBatch: number;
  /** As a gateway starts them. */
  startExecutors(): Promise<readonly PooledExecutor[]>;
  /** Loads the model as a gateway does. */
  prepare(executors: readonly PooledExecutor[]): Promise<ServedModel>;
  say(text: string): void;
}

/** MiB of the processor's memory that each takes at batches of `maxBatch` rows, seen from outside, and the ratio. */
export async function measureMemory(o: MemoryOptions) {
  const plainMiB = await plain(o);
  o.say(`plain: ${plainMiB} MiB`);
  const valveMiB = await served(o);
  o.say(`served: ${valveMiB} MiB`);
  return { plainMiB, valveMiB, gpuMemoryRatio: valveMiB / plainMiB };
}

const HANG_MS = 120_000;

async function plain({ path, ort, maxBatch }: MemoryOptions): Promise<number> {
  const before = usedMiB();
  const runtime = await createOrtProcess({ ...ort, hangMs: HANG_MS });
  const model = await runtime.load({ bytes: readFileSync(path) });
  for (const rows of [1, maxBatch]) {
    const input = randomTensor(randomNumbers(rows), [rows, ...SHAPE.slice(1)]);
    await runtime.run({ models: [model], feeds: { input }, fetches: ['output'] });
  }
  const taken = usedMiB() - before;
  await runtime.close();
  return taken;
}

/** With batches of rows that enter at the input, and as bytes at every cut. */
async function served({ maxBatch, startExecutors, prepare }: MemoryOptions): Promise<number> {
  const before = usedMiB();
  const executors = await startExecutors();
  const model = await prepare(executors);
  for (const { name } of executors) {
    const replica = model.replicaOn(name);
    const feeds = { input: randomTensor(randomNumbers(1), SHAPE) };
    const request = { feeds, fetches: model.outputs.map((output) => output.name) };
    await Promise.all(replica.runBatch?.(Array(maxBatch).fill(request)) ?? []);
    const tails = replica.cuts.map((from) => {
      const entering = from.tensors.map(({ name: tensor, shape }): [string, QuantisedTensor] => {
        const dims = (shape ?? []).map((dim, axis) => (axis === 0 ? 1 : Number(dim)));
        const symbols = new Uint8Array(dims.reduce((product, dim) => product * dim, 1)).fill(7);
        return [tensor, { type: 'float32', dims, symbols, scale: 0.1, zeroPoint: 0 }];
      });
      return { from, feeds: {}, quantisedFeeds: Object.fromEntries(entering), fetches: request.fetches };
    });
    await Promise.all(replica.runBatch?.([request, ...tails]) ?? []);
  }
  const taken = usedMiB() - before;
  await model.close();
  await Promise.all(executors.map(({ runtime }) => runtime.close()));
  return taken;
}

/** Of the first graphics processor; NaN where there is none. */
function usedMiB(): number {
  const asked = ['--query-gpu=memory.used', '--format=csv,noheader,nounits', '--id=0'];
  const { stdout } = spawnSync('nvidia-smi', asked, { encoding: 'utf8' });
  return Number.parseFloat(stdout ?? '');
}

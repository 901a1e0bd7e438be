/** Times of one inference of ResNet-50 by a plain session, chains and the valve, taken in turns. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Cut } from '../../../sdk/src/cut/cut.ts';
import type { Executor } from '../../../sdk/src/runtime/executor/executor.ts';
import type { Runtime } from '../../../sdk/src/runtime/runtime.ts';
import { openExecutor } from '../../../sdk/src/session/open-executor.ts';
import type { SplitModel } from '../../../sdk/src/session/open-model.ts';
import { probeRows } from '../../../sdk/src/session/probe-rows.ts';
import type { Tensors } from '../../../sdk/src/tensor.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { interleaveAll, median, medianOfRatios } from '../statistics.ts';
import { cutsFor, evenCuts } from './cuts.ts';
import { PLAIN_OPTIONS, SHAPE } from './plain.ts';

const ROUNDS = 15;
const input = randomTensor(randomNumbers(1), SHAPE);

/** Ratios are medians of each round's ratio to the plain session. */
export async function measureTimes(path: string, model: SplitModel, runtime: Runtime) {
  const plain = await InferenceSession.create(path, PLAIN_OPTIONS);
  const valveCuts = cutsFor(model, 'valve');
  const open = (cuts: readonly Cut[], kind: 'chain' | 'valve') =>
    openExecutor(model, cuts, runtime, { kind, rowProbe: probeRows });
  const executors = {
    chainK2: await open(evenCuts(model, 2), 'chain'),
    chainK8: await open(cutsFor(model, 'chain'), 'chain'),
    valve: await open(valveCuts, 'valve'),
  };
  const variants = {
    whole: () => runPlain(plain),
    chainK2: () => runWhole(executors.chainK2),
    chainK8: () => runWhole(executors.chainK8),
    valve: () => runWhole(executors.valve),
  };
  await interleaveAll(variants, 3);
  const times = await interleaveAll(variants, ROUNDS);
  const last = valveCuts.at(-2);
  const valveTailExtraMs = last
    ? await measureTail(model, runtime, { valve: executors.valve, cut: last })
    : Number.NaN;
  await plain.release();
  await Promise.all(Object.values(executors).map((executor) => executor.close()));
  return {
    wholeMs: median(times.whole),
    chainK2Ms: median(times.chainK2),
    chainK8Ms: median(times.chainK8),
    valveMs: median(times.valve),
    chainK8TimeRatio: medianOfRatios(times.chainK8, times.whole),
    valveTimeRatio: medianOfRatios(times.valve, times.whole),
    valveTailExtraMs,
  };
}

/** What a late tail costs more in the valve, whose other segments are skipped, than in a session of its own. */
async function measureTail(
  model: SplitModel,
  runtime: Runtime,
  { valve, cut }: { readonly valve: Executor; readonly cut: Cut },
): Promise<number> {
  const separate = await openExecutor(model, [cut], runtime, { kind: 'separate' });
  const names = cut.tensors.map(({ name }) => name);
  const { values } = await valve.run({ to: cut, feeds: { input }, fetches: names });
  const variants = {
    valve: () => runTail(valve, cut, values),
    separate: () => runTail(separate, cut, values),
  };
  await interleaveAll(variants, 3);
  const times = await interleaveAll(variants, 2 * ROUNDS);
  await separate.close();
  return median(times.valve.map((ms, i) => ms - (times.separate[i] ?? Number.NaN)));
}

async function runPlain(session: InferenceSession): Promise<number> {
  const feeds = { input: new Tensor('float32', input.data as Float32Array, SHAPE) };
  const startMs = performance.now();
  await session.run(feeds);
  return performance.now() - startMs;
}

async function runWhole(executor: Executor): Promise<number> {
  return total(await executor.run({ feeds: { input }, fetches: ['output'] }));
}

async function runTail(executor: Executor, from: Cut, feeds: Tensors): Promise<number> {
  return total(await executor.run({ from, feeds, fetches: ['output'] }));
}

/** As ONNX Runtime's worker measures it: handing tensors over is not in it. */
function total({ segmentMs }: { readonly segmentMs: readonly number[] }): number {
  return segmentMs.reduce((sum, ms) => sum + ms, 0);
}

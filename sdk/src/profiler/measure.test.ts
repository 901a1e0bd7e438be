import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directRuntime } from '../../../test/support/direct-runtime.ts';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { systemClock } from '../clock.ts';
import { candidateCuts } from '../cut/candidates.ts';
import { headLine } from '../planner/cut-problem.ts';
import { msPerByte } from '../planner/envelope.ts';
import { parametricCut } from '../planner/parametric-cut.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import { openChain } from '../session/open-chain.ts';
import { openModel, type SplitModel } from '../session/open-model.ts';
import { memorySource } from '../source/memory.ts';
import type { TensorInfo } from '../tensor.ts';
import { guessNodeMs, nodeWork, SMALL_BOARD } from './flops.ts';
import { cutsOfHeads, graphProblem } from './graph-problem.ts';
import { measureModel, timingOf } from './measure.ts';

const runtime = directRuntime();
let model: SplitModel;
let executor: Executor;

beforeAll(async () => {
  model = await openModel(memorySource(smallConvNet()), runtime, { inputShapes: { input: [1, 3, 32, 32] } });
  executor = await openChain(model, candidateCuts(model.cuts, model.graph, { limit: 3 }), runtime);
});
afterAll(async () => {
  await executor.close();
  await runtime.close();
});

const feeds = { input: { type: 'float32' as const, data: new Float32Array(3072), dims: [1, 3, 32, 32] } };

describe('measureModel', () => {
  const job = () => ({ executor, clock: systemClock(), feeds, fetches: ['output'] });

  it('times the whole model, and head and tail of every cut, as often as it was asked to', async () => {
    const measured = await measureModel({ ...job(), warmUp: 1, rounds: 4 });
    expect(measured.cuts.map(({ cut }) => cut.id)).toEqual(executor.cuts.map(({ id }) => id));
    const timings = [measured.whole, ...measured.cuts.flatMap(({ head, tail }) => [head, tail])];
    expect(timings).toHaveLength(1 + 2 * executor.cuts.length);
    for (const timing of timings) {
      expect(timing).toMatchObject({ runs: 4, isGuess: false });
      expect(timing.medianMs).toBeGreaterThan(0);
    }
  });

  it('rests before each run for as long as it was told to', async () => {
    const rests: number[] = [];
    const clock = {
      ...systemClock(),
      sleep: async (ms: number) => {
        rests.push(ms);
      },
    };
    const pauseMs = (part: string) => ({ whole: 7, head: 5 })[part] ?? 0;
    await measureModel({ ...job(), clock, warmUp: 0, rounds: 2, pauseMs });
    const heads = Array(2 * executor.cuts.length).fill(5);
    expect(rests.toSorted((a, b) => a - b)).toEqual([...heads, 7, 7]);
  });

  it('refuses to count no round at all', async () => {
    const none = measureModel({ ...job(), rounds: 0 });
    await expect(none).rejects.toMatchObject({
      code: 'options-invalid',
      message: 'rounds is 0; expected 1 or more',
    });
  });
});

describe('timingOf', () => {
  it('gives the median and the distance between the quartiles', () => {
    expect(timingOf([5, 1, 4, 2, 3])).toEqual({ medianMs: 3, spreadMs: 2, runs: 5, isGuess: false });
    expect(timingOf([1, 2])).toMatchObject({ medianMs: 1.5, spreadMs: 0.5 });
  });
});

describe('graphProblem', () => {
  const single = (types: SplitModel['types']) =>
    new Map(
      [...types].map(([name, info]): [string, TensorInfo] => [
        name,
        { ...info, shape: info.shape?.map((dim) => (typeof dim === 'string' ? 1 : dim)) ?? null },
      ]),
    );

  it('sends at every cut the bytes that the cut itself counts', () => {
    const zeros = new Float64Array(model.graph.nodes.length);
    const problem = graphProblem(model.graph, { types: single(model.types), edgeMs: zeros, cloudMs: zeros });
    for (const { position, bytes } of model.cuts.filter(({ depth }) => depth < 1)) {
      expect(headLine(problem, new Uint8Array(zeros.length).fill(1, 0, position)).bytes).toBe(bytes);
    }
  });

  it('leads from guessed times to the cuts that are worth timing', () => {
    const types = single(model.types);
    const cloudMs = guessNodeMs(nodeWork(model.graph, types), SMALL_BOARD);
    const problem = graphProblem(model.graph, { types, edgeMs: cloudMs.map((ms) => 10 * ms), cloudMs });
    const best = parametricCut(problem, { fromX: msPerByte(1e9), toX: msPerByte(1e5) });
    const cuts = cutsOfHeads(
      model.cuts,
      best.map(({ headSet }) => headSet),
    );
    expect(cuts.map(({ depth }) => depth)).toEqual(expect.arrayContaining([0, 1]));
    expect(cuts.length).toBe(best.length);
  });
});

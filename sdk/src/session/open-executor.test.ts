import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchNormalisingNet, fixedBatchNet, shapeNet } from '../../../test/support/models/batch-nets.ts';
import { ocrModels } from '../../../test/support/models/ocr-models.ts';
import { randomNumbers, randomTensor } from '../../../test/support/models/random-weights.ts';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { isSameBits, relativeError } from '../../../test/support/split-runs.ts';
import { candidateCuts } from '../cut/candidates.ts';
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import { createOrtNode } from '../runtime/ort-node.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { fileSource } from '../source/file.ts';
import { memorySource } from '../source/memory.ts';
import type { Tensor, Tensors } from '../tensor.ts';
import { type OpenExecutorOptions, openExecutor } from './open-executor.ts';
import { type InputShapes, openModel } from './open-model.ts';
import { probeRows } from './probe-rows.ts';

describe('choosing an executor', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createOrtNode({ threads: 1 });
  });
  afterAll(() => runtime.close());

  const openNet = async (
    bytes: Uint8Array,
    shapes: InputShapes,
    options: OpenExecutorOptions = {},
    on = runtime,
  ) => {
    const model = await openModel(memorySource(bytes), runtime, { inputShapes: shapes });
    const inner = model.cuts.filter(({ depth }) => depth > 0 && depth < 1);
    return { model, executor: await openExecutor(model, inner, on, { rowProbe: probeRows, ...options }) };
  };
  const convNet = { bytes: smallConvNet(), shapes: { input: [1, 3, 32, 32] } };

  it.each([
    ['takes the valve where it is quick enough', 55, 'valve', '55.0 ms a run, the chain 50.0 ms'],
    ['keeps the chain where it is not', 65, 'chain', 'the valve is slower: 65.0 ms a run, the chain 50.0 ms'],
  ])('%s, and says what it measured', async (_, valveMs, kind, reason) => {
    const model = await openModel(fileSource(ocrModels().rec.path), runtime, {
      inputShapes: { x: [1, 3, 48, 160] },
    });
    const cuts = candidateCuts(model.cuts, model.graph, { limit: 4 });
    const counted = countRows(saysItTook(runtime, { segmentMs: 10, valveMs }));
    const executor = await openExecutor(model, cuts, counted.runtime, { rowProbe: probeRows });
    expect(cuts).toHaveLength(4);
    expect(executor.report).toMatchObject({ kind, reason });
    expect(counted.wholeRuns()).toBeLessThanOrEqual(14);
    await executor.close();
  });

  it('runs a size that it was not opened with, at every cut', async () => {
    const model = await openModel(fileSource(ocrModels().det.path), runtime, {
      inputShapes: { x: [1, 3, 64, 96] },
    });
    const cuts = candidateCuts(model.cuts, model.graph, { limit: 4 });
    const x = randomTensor(randomNumbers(3), [1, 3, 96, 64]);
    const fetches = model.outputs.map(({ name }) => name);
    const valve = await openExecutor(model, cuts, runtime, {
      kind: 'valve',
      rowProbe: probeRows,
      optimization: 'extended',
    });
    const chain = await openExecutor(model, cuts, runtime, { kind: 'chain', optimization: 'extended' });
    const whole = await chain.run({ feeds: { x }, fetches });
    for (const cut of cuts) {
      const head = await valve.run({ to: cut, feeds: { x }, fetches: crossing(cut) });
      const tail = await valve.run({ from: cut, feeds: head.values, fetches });
      for (const name of fetches) expect(isSameBits(tail.values[name], whole.values[name])).toBe(true);
    }
    await Promise.all([valve.close(), chain.close()]);
  });

  it('frees a batch that the model fixes at one, and runs rows together then', async () => {
    const { executor } = await openNet(fixedBatchNet(), {});
    expect(executor.report).toMatchObject({ kind: 'valve', rows: 'rows run together, with the batch freed' });
    await expectBatchedLikeAlone(executor);
    await executor.close();
  });

  it('runs rows one by one where a constant keeps the batch at one', async () => {
    const { executor } = await openNet(fixedBatchNet({ token: true }), {});
    expect(executor.report.rows).toMatch(/^rows run one by one: a batch of 3 does not run: /);
    await expectBatchedLikeAlone(executor, { runs: 'each' });
    await executor.close();
  });

  it('sees rows that depend on each other, and does not run them together', async () => {
    const { executor } = await openNet(batchNormalisingNet(), {});
    expect(executor.report.rows).toMatch(
      /^rows run one by one: output "y" is not of rows that are independent/,
    );
    await expectBatchedLikeAlone(executor, { runs: 'each' });
    await executor.close();
  });

  it('names the cuts where the number of rows itself crosses, and serves single requests at them', async () => {
    const { executor } = await openNet(shapeNet(), {}, { kind: 'valve' });
    expect(executor.report.notBatched.map(({ reason }) => reason)).toEqual(
      Array(2).fill('"size" holds the number of rows'),
    );
    await expectBatchedLikeAlone(executor, { runs: 'some' });
    await executor.close();
  });

  it('falls back to the chain where the valve does not load, and to separate sessions after that', async () => {
    const noValve = refuse(runtime, (text) => text.includes('cutpoint/run_0'));
    const chained = await openNet(convNet.bytes, convNet.shapes, {}, noValve);
    expect(chained.executor.report).toMatchObject({
      kind: 'chain',
      reason: 'the valve failed: no valves here',
    });
    const noParts = refuse(runtime, (text) => !text.includes('output') || !text.includes('input'));
    const parted = await openNet(convNet.bytes, convNet.shapes, {}, noParts);
    expect(parted.executor.report.kind).toBe('separate');
    const feeds = { input: randomTensor(randomNumbers(1), [1, 3, 32, 32]) };
    const [a, b] = await Promise.all(
      [chained, parted].map(({ executor }) => executor.run({ feeds, fetches: ['output'] })),
    );
    expect(relativeError(a?.values.output, b?.values.output)).toBeLessThan(1e-5);
    await Promise.all([chained, parted].map(({ executor }) => executor.close()));
  });

  it('does not take a valve that computes something else', async () => {
    const lying: Runtime = {
      ...runtime,
      run: async (request) => {
        const result = await runtime.run(request);
        const isValve = 'cutpoint/run_0' in request.feeds;
        return isValve ? { ...result, values: mapValues(result.values, doubled) } : result;
      },
    };
    const { executor } = await openNet(convNet.bytes, convNet.shapes, {}, lying);
    expect(executor.report).toMatchObject({
      kind: 'chain',
      reason: expect.stringMatching(/^the valve failed: ".*" differs by 1 /),
    });
    await executor.close();
  });

  it('takes the chain where no sizes are known to try the valve with', async () => {
    const graph = new GraphBuilder();
    graph.input('x', 'float32', ['n', 'width']);
    graph.node('Exp', [graph.node('Neg', ['x'])], {}, { outputs: ['y'] });
    graph.output('y');
    const { executor } = await openNet(graph.toBytes(), {});
    expect(executor.report).toMatchObject({
      kind: 'chain',
      reason: expect.stringContaining('the size of an input is open'),
    });
    await executor.close();
  });
});

/** Requests at the input and at every cut, from [1, 8], against each alone. */
async function expectBatchedLikeAlone(
  executor: Executor,
  { runs = 'one' }: { runs?: 'one' | 'some' | 'each' } = {},
): Promise<void> {
  const requests = [];
  for (const [index, from] of [undefined, ...executor.cuts].entries()) {
    const feeds: Tensors = { x: randomTensor(randomNumbers(index), [1, 8], { spread: index + 1 }) };
    const head = from && (await executor.run({ to: from, feeds, fetches: crossing(from) }));
    requests.push({ from, feeds: head?.values ?? feeds, fetches: ['y'] });
  }
  const alone = await Promise.all(requests.map((request) => executor.run(request)));
  const together = await Promise.all(executor.runBatch?.(requests) ?? []);
  const runTimes = new Set(together.map(({ segmentMs }) => segmentMs.at(-1)));
  const expected = { one: 1, each: requests.length, some: requests.length - 1 };
  expect(runTimes.size).toBeLessThanOrEqual(expected[runs]);
  if (runs !== 'one') expect(runTimes.size).toBeGreaterThan(1);
  for (const [index, { values }] of together.entries()) {
    expect(relativeError(values.y, alone[index]?.values.y)).toBeLessThan(1e-5);
  }
}

/** Everything is run, but the time is made up: what another program takes meanwhile changes no choice. */
function saysItTook(real: Runtime, { segmentMs, valveMs }: { segmentMs: number; valveMs: number }): Runtime {
  const took = (models: readonly unknown[]) => (models.length > 1 ? models.map(() => segmentMs) : [valveMs]);
  return {
    ...real,
    run: async (request) => ({ ...(await real.run(request)), stepMs: took(request.models) }),
  };
}

/** Counts the rows that pass through the model's first node, as a measure of whole runs. */
function countRows(real: Runtime): { runtime: Runtime; wholeRuns: () => number } {
  let rows = 0;
  const runtime: Runtime = {
    ...real,
    run: (request) => {
      rows += request.feeds.x?.dims[0] ?? 0;
      return real.run(request);
    },
  };
  return { runtime, wholeRuns: () => rows };
}

function refuse(runtime: Runtime, isRefused: (text: string) => boolean): Runtime {
  return {
    ...runtime,
    load: (model) => {
      const text = new TextDecoder('latin1').decode(model.bytes);
      return isRefused(text)
        ? Promise.reject(new SplitError('runtime-failed', 'no valves here'))
        : runtime.load(model);
    },
  };
}

function mapValues(values: Tensors, change: (tensor: Tensor) => Tensor): Tensors {
  return Object.fromEntries(Object.entries(values).map(([name, tensor]) => [name, change(tensor)]));
}

function doubled(tensor: Tensor): Tensor {
  return tensor.data instanceof Float32Array
    ? { ...tensor, data: tensor.data.map((value) => 2 * value) }
    : tensor;
}

function crossing({ tensors }: Cut): string[] {
  return tensors.map(({ name }) => name);
}

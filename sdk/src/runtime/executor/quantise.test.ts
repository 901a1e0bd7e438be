import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomNumbers, randomTensor } from '../../../../test/support/models/random-weights.ts';
import { smallConvNet } from '../../../../test/support/models/small-conv-net.ts';
import { fitAffine } from '../../codec/number-format/uint8-affine.ts';
import type { Cut } from '../../cut/cut.ts';
import type { QuantisedTensor } from '../../quantised.ts';
import { openExecutor } from '../../session/open-executor.ts';
import { openModel } from '../../session/open-model.ts';
import { memorySource } from '../../source/memory.ts';
import { elementCount, type Tensor } from '../../tensor.ts';
import { createOrtNode } from '../ort-node.ts';
import type { Runtime } from '../runtime.ts';
import type { Executor } from './executor.ts';
import { suiteNet, suiteRows } from './suite-net.ts';

const NETS = {
  'a net of six values a row': { bytes: suiteNet(), feeds: { x: suiteRows(1, 1) } },
  'a net of convolutions': {
    bytes: smallConvNet(),
    feeds: { input: randomTensor(randomNumbers(4), [1, 3, 32, 32]) },
  },
};

/** WebGPU gets words of four symbols: the same graph runs here. */
describe.each(['bytes', 'words'])('heads that give bytes, as %s', (form) => {
  let runtime: Runtime;
  beforeAll(async () => {
    const real = await createOrtNode({ threads: 1 });
    runtime = form === 'words' ? { ...real, provider: 'webgpu' } : real;
  });
  afterAll(() => runtime.close());

  const open = async ({ bytes, feeds }: (typeof NETS)[keyof typeof NETS]): Promise<Executor> => {
    const inputShapes = Object.fromEntries(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));
    const model = await openModel(memorySource(bytes), runtime, { inputShapes });
    const inner = model.cuts.filter(({ depth }) => depth > 0 && depth < 1);
    return openExecutor(model, inner, runtime, { kind: 'valve', quantise: 'on' });
  };
  const crossing = (cut: Cut) => cut.tensors.map(({ name }) => name);

  it.each(Object.entries(NETS))('%s: each value within half a step, as the codec has it', async (_, net) => {
    const executor = await open(net);
    for (const cut of executor.cuts) {
      const head = { to: cut, feeds: net.feeds, fetches: [...crossing(cut), ...cut.headOutputs] };
      const plain = await executor.run(head);
      const { values, quantised = {} } = await executor.run({ ...head, quantise: true });
      expect(Object.keys(quantised).sort()).toEqual(crossing(cut).sort());
      expect(Object.keys(values).sort()).toEqual([...cut.headOutputs].sort());
      for (const name of crossing(cut)) expectClose(quantised[name], plain.values[name]);
    }
    await executor.close();
  });

  it('floats of which one is not a number come as they are', async () => {
    const net = NETS['a net of six values a row'];
    const executor = await open(net);
    const [cut] = executor.cuts as [Cut];
    const x: Tensor = { type: 'float32', dims: [1, 6], data: Float32Array.of(1, 2, Number.NaN, 4, 5, 6) };
    const head = { to: cut, feeds: { x }, fetches: crossing(cut), quantise: true };
    const { values, quantised } = await executor.run(head);
    expect(Object.keys(values).sort()).toEqual(crossing(cut).sort());
    expect(quantised).toBeUndefined();
    await executor.close();
  });

  it('values that are all the same are exact', async () => {
    const net = NETS['a net of six values a row'];
    const executor = await open(net);
    const [cut] = executor.cuts as [Cut];
    const x: Tensor = { type: 'float32', dims: [1, 6], data: new Float32Array(6) };
    const { quantised = {} } = await executor.run({
      ...{ to: cut, feeds: { x }, fetches: crossing(cut), quantise: true },
    });
    expect(crossing(cut).map((name) => valuesOf(quantised[name]))).toContainEqual([0, 0, 0, 0, 0, 0]);
    await executor.close();
  });

  it('says where it can', async () => {
    const executor = await open(NETS['a net of six values a row']);
    expect(executor.cuts.map((cut) => executor.canQuantise?.(cut))).not.toContain(false);
    await executor.close();
  });
});

function valuesOf(tensor: QuantisedTensor | undefined): number[] {
  return Array.from(
    tensor?.symbols ?? [],
    (symbol) => (symbol - (tensor?.zeroPoint ?? 0)) * (tensor?.scale ?? 0),
  );
}

function expectClose(actual: QuantisedTensor | undefined, expected: Tensor | undefined): void {
  const floats = expected?.data as Float32Array;
  const fit = fitAffine(floats);
  expect(actual?.dims).toEqual(expected?.dims);
  expect(actual?.symbols).toHaveLength(elementCount(actual?.dims ?? []));
  expect(actual?.scale).toBeCloseTo(fit?.scale ?? Number.NaN, 6);
  const half = (actual?.scale ?? 0) * 0.5001;
  for (const [i, value] of valuesOf(actual).entries())
    expect(Math.abs(value - (floats[i] as number))).toBeLessThanOrEqual(half);
}

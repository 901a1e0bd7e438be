/** What every Runtime adapter must do. Call it from a test file: `runtimeSuite('ort-node', createOrtNode)`. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../errors.ts';
import { type Tensor, tensorBytes } from '../tensor.ts';
import type { LoadedModel, Runtime } from './runtime.ts';
import { tinyModel } from './suite-models.ts';

const SQUARE = tinyModel({
  inputs: [{ name: 'x', dims: ['n'] }],
  outputs: ['h', 'size'],
  nodes: [
    ['Mul', ['x', 'x'], 'h'],
    ['Shape', ['x'], 'size'],
  ],
});
const DOUBLE = tinyModel({
  inputs: [{ name: 'h', dims: ['n'] }],
  outputs: ['y'],
  nodes: [['Add', ['h', 'h'], 'y']],
});

export function runtimeSuite(name: string, createRuntime: () => Promise<Runtime>): void {
  describe(`runtime suite: ${name}`, () => {
    let runtime: Runtime;
    let square: LoadedModel;
    let double: LoadedModel;

    beforeAll(async () => {
      runtime = await createRuntime();
      square = await runtime.load({ bytes: SQUARE });
      double = await runtime.load({ bytes: DOUBLE });
    });
    afterAll(() => runtime.close());

    it('describes itself and the inputs and outputs of a model', () => {
      expect(runtime.description).not.toBe('');
      expect(square.inputs).toEqual([{ name: 'x', type: 'float32', shape: ['n'] }]);
      expect(square.outputs.map(({ name, type }) => [name, type])).toEqual([
        ['h', 'float32'],
        ['size', 'int64'],
      ]);
    });

    it('runs a model and tells how long it took', async () => {
      const { values, stepMs } = await runtime.run({
        models: [square],
        feeds: { x: floats(1, -2, 3) },
        fetches: ['h', 'size'],
      });
      expect(values).toEqual({
        h: floats(1, 4, 9),
        size: { type: 'int64', dims: [1], data: BigInt64Array.of(3n) },
      });
      expect(stepMs).toEqual([expect.any(Number)]);
    });

    it('takes a feed that lies in pieces', async () => {
      const pieces = [floats(1, -2), floats(3), floats()].map(tensorBytes);
      const { values } = await runtime.run({
        models: [square],
        feeds: { x: { type: 'float32', dims: [3], pieces } },
        fetches: ['h', 'x'],
      });
      expect(values).toEqual({ h: floats(1, 4, 9), x: floats(1, -2, 3) });
    });

    it('chains models over one pool and returns values of any of them, and feeds', async () => {
      const { values, stepMs } = await runtime.run({
        models: [square, double],
        feeds: { x: floats(3), unused: floats(7) },
        fetches: ['y', 'h', 'x', 'unused'],
      });
      expect(values).toEqual({ y: floats(18), h: floats(9), x: floats(3), unused: floats(7) });
      expect(stepMs).toHaveLength(2);
    });

    it('returns only what was fetched', async () => {
      const { values } = await runtime.run({
        models: [square, double],
        feeds: { x: floats(2) },
        fetches: ['y'],
      });
      expect(Object.keys(values)).toEqual(['y']);
    });

    it('returns feeds when there is nothing to run', async () => {
      const x = floats(5);
      const result = await runtime.run({ models: [], feeds: { x }, fetches: ['x'] });
      expect(result).toEqual({ values: { x }, stepMs: [] });
    });

    it('leaves the arrays of the caller as they were', async () => {
      const backing = new Float32Array([9, 2, 9]);
      const x: Tensor = { type: 'float32', dims: [1], data: backing.subarray(1, 2) };
      const { values } = await runtime.run({ models: [square], feeds: { x }, fetches: ['h'] });
      expect(values.h).toEqual(floats(4));
      expect([...backing]).toEqual([9, 2, 9]);
    });

    it('carries every element type through unchanged', async () => {
      for (const tensor of SAMPLES) {
        const bytes = tinyModel({
          inputs: [{ name: 'in', type: tensor.type, dims: [2] }],
          outputs: ['out'],
          nodes: [['Identity', ['in'], 'out']],
        });
        const model = await runtime.load({ bytes });
        const { values } = await runtime.run({ models: [model], feeds: { in: tensor }, fetches: ['out'] });
        expect(values.out).toEqual(tensor);
        await model.release();
      }
    });

    it('answers concurrent runs each with its own result', async () => {
      const inputs = Array.from({ length: 12 }, (_, index) => index);
      const results = await Promise.all(
        inputs.map((x) => runtime.run({ models: [square, double], feeds: { x: floats(x) }, fetches: ['y'] })),
      );
      expect(results.map(({ values }) => values.y?.data[0])).toEqual(inputs.map((x) => 2 * x * x));
    });

    it('leaves sequences out of the outputs and loads the model all the same', async () => {
      const bytes = tinyModel({
        inputs: [{ name: 'x', dims: ['n'] }],
        outputs: ['sequence', 'y'],
        nodes: [
          ['SequenceConstruct', ['x', 'x'], 'sequence'],
          ['Neg', ['x'], 'y'],
        ],
      });
      const model = await runtime.load({ bytes });
      expect(model.outputs.map((output) => output.name)).toEqual(['y']);
      const { values } = await runtime.run({ models: [model], feeds: { x: floats(1) }, fetches: ['y'] });
      expect(values.y).toEqual(floats(-1));
    });

    it('refuses to begin when the signal has fired', async () => {
      const signal = AbortSignal.abort();
      const run = runtime.run({ models: [square], feeds: { x: floats(1) }, fetches: ['h'], signal });
      await expectCode(run, 'aborted');
    });

    it('stops between models when the signal fires, and serves the next run', async () => {
      // All steps together would take minutes, far beyond the time a test may take.
      const { there, back } = await loadSlowPair(runtime);
      const models = Array.from({ length: 10_000 }, (_, index) => (index % 2 === 0 ? there : back));
      const feeds = { a: { type: 'float32', dims: [1024, 1024], data: new Float32Array(1 << 20) } } as const;
      const controller = new AbortController();
      const run = runtime.run({ models, feeds, fetches: ['a'], signal: controller.signal });
      setTimeout(() => controller.abort(), 20);
      await expectCode(run, 'aborted');
      const { values } = await runtime.run({ models: [square], feeds: { x: floats(2) }, fetches: ['h'] });
      expect(values.h).toEqual(floats(4));
    });

    it('tells what is missing', async () => {
      await expectCode(runtime.run({ models: [square], feeds: {}, fetches: ['h'] }), 'runtime-failed', '"x"');
      const feeds = { x: floats(1) };
      await expectCode(runtime.run({ models: [square], feeds, fetches: ['z'] }), 'runtime-failed', '"z"');
    });

    it('fails with a typed error on bytes that are no model, and on a feed of the wrong type', async () => {
      await expectCode(runtime.load({ bytes: Uint8Array.of(1, 2, 3) }), 'runtime-failed');
      const x: Tensor = { type: 'int32', dims: [1], data: Int32Array.of(1) };
      await expectCode(runtime.run({ models: [square], feeds: { x }, fetches: ['h'] }), 'runtime-failed');
    });

    it('does not run a released model, and releases twice in peace', async () => {
      const model = await runtime.load({ bytes: SQUARE });
      await model.release();
      await model.release();
      await expectCode(runtime.run({ models: [model], feeds: { x: floats(1) }, fetches: ['h'] }), 'closed');
    });

    it('finishes the runs in hand when closed, then refuses more; closing twice is safe', async () => {
      const closing = await createRuntime();
      const model = await closing.load({ bytes: SQUARE });
      const run = closing.run({ models: [model], feeds: { x: floats(6) }, fetches: ['h'] });
      await Promise.all([closing.close(), closing.close()]);
      expect((await run).values.h).toEqual(floats(36));
      await expectCode(closing.load({ bytes: SQUARE }), 'closed');
      await expectCode(closing.run({ models: [model], feeds: { x: floats(1) }, fetches: ['h'] }), 'closed');
      await model.release();
    });
  });
}

const SAMPLES: readonly Tensor[] = [
  { type: 'float32', dims: [2], data: Float32Array.of(-0, 1.5) },
  { type: 'uint8', dims: [2], data: Uint8Array.of(0, 255) },
  { type: 'int8', dims: [2], data: Int8Array.of(-128, 127) },
  { type: 'uint16', dims: [2], data: Uint16Array.of(1, 65535) },
  { type: 'int16', dims: [2], data: Int16Array.of(-32768, 7) },
  { type: 'int32', dims: [2], data: Int32Array.of(-1, 2) },
  { type: 'int64', dims: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
  { type: 'bool', dims: [2], data: Uint8Array.of(0, 1) },
  { type: 'float16', dims: [2], data: Uint16Array.of(0x3c00, 0x8001) },
  { type: 'float64', dims: [2], data: Float64Array.of(1e300, -0) },
  { type: 'uint32', dims: [2], data: Uint32Array.of(1, 2 ** 32 - 1) },
  { type: 'uint64', dims: [2], data: BigUint64Array.of(0n, 2n ** 64n - 1n) },
];

/** Two models that hand a large matrix to and fro. */
async function loadSlowPair(runtime: Runtime): Promise<{ there: LoadedModel; back: LoadedModel }> {
  const square = (from: string, to: string) =>
    tinyModel({
      inputs: [{ name: from, dims: ['n', 'n'] }],
      outputs: [to],
      nodes: [['MatMul', [from, from], to]],
    });
  return {
    there: await runtime.load({ bytes: square('a', 'b') }),
    back: await runtime.load({ bytes: square('b', 'a') }),
  };
}

function floats(...values: number[]): Tensor {
  return { type: 'float32', dims: [values.length], data: Float32Array.from(values) };
}

async function expectCode(promise: Promise<unknown>, code: ErrorCode, text = ''): Promise<void> {
  await expect(promise).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
}

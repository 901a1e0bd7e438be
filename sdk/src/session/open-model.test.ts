import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { directRuntime } from '../../../test/support/direct-runtime.ts';
import { ocrModels } from '../../../test/support/models/ocr-models.ts';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { fileSource } from '../source/file.ts';
import { memorySource } from '../source/memory.ts';
import { openModel } from './open-model.ts';

const runtime = directRuntime();
afterAll(() => runtime.close());
const open = (builder: GraphBuilder) => openModel(memorySource(builder.toBytes()), runtime);

describe('openModel', () => {
  it('keeps symbolic dimensions in types and counts bytes at the shapes to be fed', async () => {
    const model = await openModel(memorySource(smallConvNet()), runtime, {
      inputShapes: { input: [2, 3, 32, 32] },
    });
    expect(model.inputs).toEqual([{ name: 'input', type: 'float32', shape: ['batch', 3, 32, 32] }]);
    expect(model.outputs).toEqual([{ name: 'output', type: 'float32', shape: ['batch', 10] }]);
    expect(model.cuts[0]).toMatchObject({ position: 0, name: 'input', bytes: 2 * 3 * 32 * 32 * 4 });
    expect(model.cuts.at(-1)).toMatchObject({
      depth: 1,
      name: 'output',
      bytes: 2 * 10 * 4,
      headOutputs: ['output'],
    });
  });

  it('finds the same cuts from a file as from memory', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cutpoint-'));
    const path = join(directory, 'net.onnx');
    await writeFile(path, smallConvNet());
    const [file, memory] = [
      await openModel(fileSource(path), runtime),
      await openModel(memorySource(smallConvNet()), runtime),
    ];
    await rm(directory, { recursive: true });
    expect(file.cuts).toEqual(memory.cuts);
    expect(file.digest).toBe(memory.digest);
  });

  it('gives the same ids whatever shapes are to be fed', async () => {
    const { path, shape } = ocrModels().cls;
    const bound = await openModel(fileSource(path), runtime, { inputShapes: { x: shape } });
    const free = await openModel(fileSource(path), runtime);
    expect(bound.cuts.map((cut) => cut.id)).toEqual(free.cuts.map((cut) => cut.id));
  });

  it('tells a scalar from a tensor of unknown rank', async () => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', null);
    builder.input('v', 'float32', [4]);
    builder.node('ReduceSum', ['v'], { keepdims: 0 }, { outputs: ['scalar'] });
    builder.node('Neg', ['x'], {}, { outputs: ['any'] });
    builder.output(builder.node('Add', ['scalar', 'any'], {}, { outputs: ['y'] }));
    const { types } = await open(builder);
    expect(types.get('scalar')?.shape).toEqual([]);
    expect(types.get('any')?.shape).toBeNull();
  });

  it('does not cut where a string crosses', async () => {
    const builder = new GraphBuilder();
    builder.input('x', 'int64', [2]);
    builder.node('Cast', ['x'], { to: 8 }, { outputs: ['text'] });
    builder.node('Cast', ['text'], { to: 7 }, { outputs: ['number'] });
    builder.output(builder.node('Neg', ['number'], {}, { outputs: ['y'] }));
    expect((await open(builder)).cuts.map((cut) => cut.name)).toEqual(['x', 'number', 'y']);
  });

  it('refuses a model whose input is no tensor of numbers', async () => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [2]);
    builder.output(builder.node('Neg', ['x']));
    const bytes = builder.toBytes();
    // The element type of `x`: 1 is float32, 8 is a string.
    const at = Buffer.from(bytes).lastIndexOf(Buffer.from([0x08, 0x01, 0x12]));
    bytes[at + 1] = 8;
    const opened = openModel(memorySource(bytes), runtime);
    await expect(opened).rejects.toMatchObject({
      code: 'model-invalid',
      message: expect.stringContaining('"x"'),
    });
  });

  it.each([
    ['another name', { image: [1, 3, 32, 32] }],
    ['another rank', { input: [3, 32, 32] }],
    ['another fixed dimension', { input: [1, 4, 32, 32] }],
    ['a dimension that is no size', { input: [-1, 3, 32, 32] }],
    ['more than any memory holds', { input: [1e15, 3, 32, 32] }],
  ])('refuses inputShapes with %s', async (_, inputShapes) => {
    const opened = openModel(memorySource(smallConvNet()), runtime, {
      inputShapes: inputShapes as Record<string, number[]>,
    });
    await expect(opened).rejects.toMatchObject({ code: 'options-invalid' });
  });

  it('refuses an operator that the runtime does not have', async () => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [2]);
    builder.output(builder.node('NoSuchOperator', ['x']));
    await expect(open(builder)).rejects.toMatchObject({ code: 'runtime-failed' });
  });
});

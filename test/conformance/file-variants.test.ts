/** Every way in which an ONNX file may say the same thing: read, cut, and equal to the whole bit for bit. */
import { appendFile, mkdtemp, open, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder, type ModelOptions } from '../../sdk/src/onnx/builder.ts';
import { partsOf, readModel, writeModel } from '../../sdk/src/onnx/model.ts';
import { tensorProto } from '../../sdk/src/onnx/tensor-proto.ts';
import { WireWriter } from '../../sdk/src/onnx/wire-writer.ts';
import { openModel } from '../../sdk/src/session/open-model.ts';
import { fileSource } from '../../sdk/src/source/file.ts';
import { memorySource } from '../../sdk/src/source/memory.ts';
import type { Tensor } from '../../sdk/src/tensor.ts';
import { directRuntime } from '../support/direct-runtime.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { isSameBits, runSplit, runWhole } from '../support/split-runs.ts';

const runtime = directRuntime();
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cutpoint-'));
});
afterAll(async () => {
  await runtime.close();
  await rm(directory, { recursive: true });
});

describe('a model', () => {
  it('with functions of its own is cut between their calls', async () => {
    const builder = graphOfX();
    builder.node('Twice', ['x'], {}, { outputs: ['a'], domain: 'local' });
    builder.output(builder.node('Twice', ['a'], {}, { outputs: ['y'], domain: 'local' }));
    const bytes = withFunction(builder.toBytes({ domains: { local: 1 } }));
    expect(await exactCuts(bytes)).toEqual(['a']);
  });

  it('with sparse weights keeps them on the side that reads them', async () => {
    const builder = graphOfX();
    builder.node('Add', ['x', 'sparse'], {}, { outputs: ['a'] });
    builder.node('Neg', ['a'], {}, { outputs: ['b'] });
    builder.output(builder.node('Mul', ['b', 'sparse'], {}, { outputs: ['y'] }));
    expect(await exactCuts(withSparseWeight(builder.toBytes(), 'sparse'))).toEqual(['a', 'b']);
  });

  it('with a weight among its inputs keeps the value of the file, and takes no other', async () => {
    const builder = graphOfX();
    builder.input('w', 'float32', [size]);
    builder.initializer('w', vector(2));
    builder.node('Add', ['x', 'w'], {}, { outputs: ['a'] });
    builder.output(builder.node('Mul', ['a', 'w'], {}, { outputs: ['y'] }), 'float32', [size]);
    expect(await exactCuts(builder.toBytes({ irVersion: 3, opset: 8 }))).toEqual(['a']);
    const model = await opened(builder.toBytes());
    expect(model.inputs.map((input) => input.name)).toEqual(['x']);
  });

  it('with weights as lists of numbers refers to those that are as good as raw, and copies the others', async () => {
    const builder = graphOfX();
    builder.node('Add', ['x', 'floats'], {}, { outputs: ['a'] });
    builder.node('Gather', ['a', 'indices'], {}, { outputs: ['b'] });
    builder.output(builder.node('Mul', ['b', 'floats'], {}, { outputs: ['y'] }));
    const floats = new Uint8Array((vector(3).data as Float32Array).buffer as ArrayBuffer);
    const indices = new WireWriter();
    for (let i = 0; i < size; i++) indices.int(7, i);
    const bytes = withWeights(builder.toBytes(), [
      listTensor('floats', 1).bytes(4, floats),
      listTensor('indices', 7).raw(indices.toBytes()),
    ]);
    expect(await exactCuts(bytes)).toEqual(['a', 'b']);
    const [weight] = readModel(bytes).graph.initializers;
    expect(weight?.raw?.length).toBe(4 * size);
  });

  it('with sequences and optionals inside is cut beside them', async () => {
    const builder = graphOfX();
    builder.node('Neg', ['x'], {}, { outputs: ['a'] });
    builder.node('SplitToSequence', ['a'], {}, { outputs: ['sequence'] });
    builder.node('ConcatFromSequence', ['sequence'], { axis: 0 }, { outputs: ['b'] });
    builder.node('Optional', ['b'], {}, { outputs: ['optional'] });
    builder.node('OptionalGetElement', ['optional'], {}, { outputs: ['c'] });
    builder.output(builder.node('Sin', ['c'], {}, { outputs: ['y'] }));
    expect(await exactCuts(builder.toBytes())).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['bfloat16', 16, 1],
    ['float8', 17, 1],
    ['uint4', 21, 1],
    ['int4', 22, 1],
    ['a string', 8, 1],
    ['bfloat16, in twenty places', 16, 20],
  ])('with %s inside is cut beside it', async (_, type, count) => {
    const builder = graphOfX();
    let value = 'x';
    const expected: string[] = [];
    for (let i = 0; i < count; i++) {
      const narrow = builder.node('Cast', [value], { to: type }, { outputs: [`narrow${i}`] });
      value = builder.node('Cast', [narrow], { to: 1 }, { outputs: [`wide${i}`] });
      expected.push(value);
    }
    builder.output(builder.node('Neg', [value], {}, { outputs: ['y'] }));
    expect(await exactCuts(builder.toBytes({ opset: 21, irVersion: 10 }))).toEqual(expected);
  });

  it('of constants alone has one cut, at its end', async () => {
    const builder = new GraphBuilder();
    builder.output(builder.node('Constant', [], { value: { tensor: vector(4) } }, { outputs: ['y'] }));
    const model = await opened(builder.toBytes());
    expect(model.cuts).toMatchObject([{ position: 0, depth: 1, name: 'y', bytes: 4 * size }]);
  });

  it.each([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])('of file format version %i is cut', async (irVersion) => {
    const builder = graphOfX();
    builder.node('Abs', ['x'], {}, { outputs: ['a'] });
    builder.output(builder.node('Sqrt', ['a'], {}, { outputs: ['y'] }), 'float32', [size]);
    expect(await exactCuts(builder.toBytes({ irVersion, opset: 7 }))).toEqual(['a']);
  });
});

describe('weights in another file', () => {
  const far = 2.5 * 2 ** 30;

  it('may lie beyond two gibibytes, and are not read whole', async () => {
    const before = process.memoryUsage().rss;
    await writeAt('large.bin', far, vector(5));
    expect((await stat(join(directory, 'large.bin'))).size).toBeGreaterThan(2 ** 31);
    expect(await exactCuts(modelBeside('large.bin', far))).toEqual(['a']);
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 29);
  });

  it('are part of the digest, as far as the model names them', async () => {
    const digest = async () => (await opened(modelBeside('w.bin', 4096))).digest;
    await writeAt('w.bin', 4096, vector(6));
    const first = await digest();
    await writeAt('w.bin', 0, vector(7));
    expect(await digest()).toBe(first);
    await writeAt('w.bin', 4096 + 4 * (size - 1), vector(8), 1);
    expect(await digest()).not.toBe(first);
  });

  it.each([
    ['nowhere', 'missing.bin', 0],
    ['beyond the end', 'short.bin', 4000],
    ['outside of the directory', '../short.bin', 0],
    ['at an absolute path', '/dev/zero', 0],
  ])('are refused where they lie %s', async (_, location, offset) => {
    await writeAt('short.bin', 0, vector(9));
    const opening = opened(modelBeside(location, offset));
    await expect(opening).rejects.toMatchObject({ code: 'model-invalid' });
  });

  it('are refused where a link leads out of the directory', async () => {
    await symlink('/dev/zero', join(directory, 'link.bin'));
    const opening = opened(modelBeside('link.bin', 0));
    await expect(opening).rejects.toThrowError('lies outside of the model');
  });

  it('are refused for a model in memory, which has no directory', async () => {
    const opening = openModel(memorySource(modelBeside('w.bin', 0)), runtime);
    await expect(opening).rejects.toMatchObject({ code: 'model-invalid' });
  });

  async function writeAt(name: string, offset: number, tensor: Tensor, count = size): Promise<void> {
    const path = join(directory, name);
    await appendFile(path, '');
    const writer = await open(path, 'r+');
    const { buffer } = tensor.data;
    await writer.write(new Uint8Array(buffer as ArrayBuffer, 0, 4 * count), 0, 4 * count, offset);
    await writer.close();
  }
});

const size = 400;

function vector(seed: number): Tensor {
  return randomTensor(randomNumbers(seed), [size]);
}

function graphOfX(): GraphBuilder {
  const builder = new GraphBuilder();
  builder.input('x', 'float32', [size]);
  return builder;
}

async function opened(bytes: Uint8Array) {
  const path = join(directory, 'model.onnx');
  await writeFile(path, bytes);
  return openModel(fileSource(path), runtime);
}

/** Names of the cuts inside the model, after head and tail made the same as the whole at each of them. */
async function exactCuts(bytes: Uint8Array): Promise<string[]> {
  const model = await opened(bytes);
  const run = { runtime, model, optimization: 'disabled', feeds: { x: vector(1) } } as const;
  const whole = await runWhole(run);
  const inner = model.cuts.filter(({ depth }) => depth > 0 && depth < 1);
  for (const cut of inner) expect(isSameBits((await runSplit(run, cut)).y, whole.y), cut.name).toBe(true);
  return inner.map((cut) => cut.name);
}

/** y = (x + w) * w with the weight in another file. */
function modelBeside(location: string, offset: number, options: ModelOptions = {}): Uint8Array {
  const builder = graphOfX();
  builder.externalInitializer('w', 'float32', [size], { location, offset, length: 4 * size });
  builder.node('Add', ['x', 'w'], {}, { outputs: ['a'] });
  builder.output(builder.node('Mul', ['a', 'w'], {}, { outputs: ['y'] }));
  return builder.toBytes(options);
}

/** Adds `local.Twice`: v + v. */
function withFunction(bytes: Uint8Array): Uint8Array {
  const add = new WireWriter().text(1, 'v').text(1, 'v').text(2, 'u').text(4, 'Add');
  const opset = new WireWriter().text(1, '').int(2, 17);
  const twice = new WireWriter().text(1, 'Twice').text(4, 'v').text(5, 'u').message(7, add).message(9, opset);
  return new WireWriter().raw(bytes).message(25, twice.text(10, 'local')).toBytes();
}

function withWeights(bytes: Uint8Array, weights: readonly WireWriter[]): Uint8Array {
  const { header, graph } = readModel(bytes);
  return writeModel(header, { ...partsOf(graph), initializers: weights }).toBytes();
}

/** All zeros but for two values. */
function withSparseWeight(bytes: Uint8Array, name: string): Uint8Array {
  const { header, graph } = readModel(bytes);
  const values = tensorProto(name, { type: 'float32', data: Float32Array.of(1.5, -2), dims: [2] });
  const indices = tensorProto('', { type: 'int64', data: BigInt64Array.of(3n, 17n), dims: [2] });
  const sparse = new WireWriter().message(1, values).message(2, indices).int(3, size);
  return writeModel(header, { ...partsOf(graph), sparseInitializers: [sparse] }).toBytes();
}

function listTensor(name: string, type: number): WireWriter {
  return new WireWriter().int(1, size).int(2, type).text(8, name);
}

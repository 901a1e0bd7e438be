import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directRuntime } from '../../../test/support/direct-runtime.ts';
import { ocrModels } from '../../../test/support/models/ocr-models.ts';
import { dagModel, dagSpec } from '../../../test/support/models/random-dag.ts';
import { randomNumbers, randomTensor } from '../../../test/support/models/random-weights.ts';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import {
  isSameBits,
  relativeError,
  runSplit,
  runWhole,
  segmentOptionsOf,
} from '../../../test/support/split-runs.ts';
import { isSplitError } from '../errors.ts';
import { GraphBuilder, type ModelOptions } from '../onnx/builder.ts';
import { buildGraph } from '../onnx/graph.ts';
import { readNode } from '../onnx/graph-proto.ts';
import { readModel } from '../onnx/model.ts';
import { nodeProto } from '../onnx/node-proto.ts';
import { WireWriter } from '../onnx/wire-writer.ts';
import { createOrtNode } from '../runtime/ort-node.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { openHeadExecutor } from '../session/head-executor.ts';
import { headOptions, isHead } from '../session/head-rules.ts';
import { openModel } from '../session/open-model.ts';
import { resolveOptions } from '../session/options.ts';
import { createProbe, loadWithOutputs } from '../session/probe.ts';
import { fileSource } from '../source/file.ts';
import { memorySource } from '../source/memory.ts';
import type { Tensor, TensorInfo } from '../tensor.ts';
import { candidateCuts, offeredCuts } from './candidates.ts';
import { withoutIdleFunctions } from './head-functions.ts';
import { headModel } from './head-model.ts';
import { headNote } from './head-note.ts';
import { segmentChain, segmentModel } from './segments.ts';

const runtime = directRuntime();
afterAll(() => runtime.close());

const { rec } = ocrModels();

async function disposable(made: Promise<Runtime>): Promise<Runtime & AsyncDisposable> {
  const runtime = await made;
  return { ...runtime, [Symbol.asyncDispose]: () => runtime.close() };
}

const wholeSpan = (file: Uint8Array) => ({ file, start: 0, end: file.length });

describe('segmentModel', () => {
  it('leaves large weights in the original file and copies them for a model in memory', async () => {
    const [file, bytes] = [fileSource(rec.path), await readFile(rec.path)];
    const graph = buildGraph(readModel(bytes));
    const types = (await openModel(file, runtime)).types;
    const last = graph.nodes.length;
    const referring = segmentModel(graph, 0, last, {
      types,
      ...(file.location && { location: file.location }),
    });
    const copying = segmentModel(graph, 0, last, { types });
    const fileBytes = (await stat(rec.path)).size;
    expect(referring.bytes.length).toBeLessThan(fileBytes / 20);
    expect(copying.bytes.length).toBeGreaterThan(fileBytes / 2);
  });

  it('takes other shapes than those that the cuts were measured at', async () => {
    const model = await openModel(fileSource(rec.path), runtime, { inputShapes: { x: rec.shape } });
    const cut = candidateCuts(model.cuts, model.graph)[2];
    const run = {
      runtime,
      model,
      optimization: 'disabled',
      feeds: { x: randomTensor(randomNumbers(6), [2, 3, 48, 96]) },
    } as const;
    const [split, whole] = [await runSplit(run, cut), await runWhole(run)];
    for (const { name } of model.outputs) expect(relativeError(split[name], whole[name])).toBeLessThan(1e-5);
  });

  it('returns outputs that the head makes from the head alone', async () => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [2]);
    builder.output(builder.node('Relu', ['x'], {}, { outputs: ['early'] }));
    builder.node('Neg', ['x'], {}, { outputs: ['middle'] });
    builder.output(builder.node('Exp', ['middle'], {}, { outputs: ['late'] }));
    const model = await openModel(memorySource(builder.toBytes()), runtime);
    const cut = model.cuts.find((candidate) => candidate.name === 'middle');
    expect(cut).toMatchObject({ position: 2, headOutputs: ['early'] });
    const [head, tail] = segmentChain(model.graph, cut ? [cut] : [], segmentOptionsOf(model));
    expect(head).toMatchObject({ inputs: ['x'], outputs: ['early', 'middle'] });
    expect(tail).toMatchObject({ inputs: ['middle'], outputs: ['late'] });
  });

  it('hands a value that a subgraph captures to the segment with the subgraph', async () => {
    const model = await openModel(memorySource(branchingModel()), runtime);
    const run = {
      runtime,
      model,
      optimization: 'disabled',
      feeds: { x: randomTensor(randomNumbers(1), [4]) },
    } as const;
    const whole = await runWhole(run);
    const cut = model.cuts.find((candidate) => candidate.position === 3);
    expect(cut?.tensors.map((tensor) => tensor.name)).toEqual(['captured', 'condition']);
    expect(isSameBits((await runSplit(run, cut)).y, whole.y)).toBe(true);
  });

  it('brings constants along into every segment that uses them', async () => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', ['n']);
    builder.node('Constant', [], { value: { tensor: vector(700) } }, { outputs: ['c'] });
    builder.node('Neg', ['c'], {}, { outputs: ['d'] });
    builder.node('Add', ['x', 'd'], {}, { outputs: ['a'] });
    builder.output(builder.node('Mul', ['a', 'd'], {}, { outputs: ['y'] }));
    builder.output('d');
    const model = await openModel(memorySource(builder.toBytes()), runtime);
    const cut = model.cuts.find((candidate) => candidate.name === 'a');
    const run = { runtime, model, optimization: 'disabled', feeds: { x: vector(700) } } as const;
    const split = await runSplit(run, cut);
    const whole = await runWhole(run);
    for (const name of ['y', 'd']) expect(isSameBits(split[name], whole[name])).toBe(true);
  });

  it.each([
    ['is empty', 1, 1],
    ['runs backwards', 2, 1],
    ['begins before the graph', -1, 1],
    ['ends after it', 0, 9],
    ['begins between nodes', 0.5, 1],
  ])('refuses a range that %s', (_, from, to) => {
    const graph = buildGraph(readModel(branchingModel()));
    const act = () => segmentModel(graph, from, to, { types: new Map() });
    expect(act).toThrowError(expect.objectContaining({ code: 'cut-invalid' }));
  });

  it('refuses to begin where a value of unknown type crosses', () => {
    const graph = buildGraph(readModel(branchingModel()));
    expect(() => segmentModel(graph, 2, 4, { types: new Map() })).toThrowError('its type is not known');
  });
});

describe('segments of a model on disk', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cutpoint-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  /** The only output, computed by head and tail and by the whole file. */
  async function bothWays(builder: GraphBuilder, options: ModelOptions, crossing: string) {
    const path = join(directory, 'model.onnx');
    await writeFile(path, builder.toBytes(options));
    const model = await openModel(fileSource(path), runtime);
    const cut = model.cuts.find((candidate) => candidate.name === crossing);
    const run = { runtime, model, optimization: 'disabled', feeds: { x: vector(700) } } as const;
    const split = await runSplit(run, cut);
    return { split: split.y, whole: (await runWhole(run)).y };
  }

  it('keep weights where the model keeps them, in a file of their own', async () => {
    const { data } = vector(1400);
    await writeFile(join(directory, 'weights.bin'), new Uint8Array(data.buffer as ArrayBuffer));
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [700]);
    for (const [i, name] of ['v', 'w'].entries()) {
      builder.externalInitializer(name, 'float32', [700], {
        location: 'weights.bin',
        offset: 2800 * i,
        length: 2800,
      });
    }
    builder.node('Add', ['x', 'v'], {}, { outputs: ['a'] });
    builder.output(builder.node('Mul', ['a', 'w'], {}, { outputs: ['y'] }));
    const { split, whole } = await bothWays(builder, {}, 'a');
    expect(isSameBits(split, whole)).toBe(true);
  });

  it('run for an old model that lists its weights among the inputs', async () => {
    const builder = new GraphBuilder();
    for (const name of ['x', 'w']) builder.input(name, 'float32', [700]);
    builder.initializer('w', vector(700));
    builder.node('Constant', [], { value: { tensor: vector(700) } }, { outputs: ['c'] });
    builder.node('Add', ['x', 'w'], {}, { outputs: ['a'] });
    builder.output(builder.node('Mul', ['a', 'c'], {}, { outputs: ['y'] }), 'float32', [700]);
    const { split, whole } = await bothWays(builder, { irVersion: 3, opset: 8 }, 'a');
    expect(isSameBits(split, whole)).toBe(true);
  });

  it('run whatever characters names are made of', async () => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [700]);
    builder.initializer('a "weight", {really}', vector(700));
    builder.node('Add', ['x', 'a "weight", {really}'], {}, { outputs: ['the "sum"\n'] });
    builder.output(builder.node('Neg', ['the "sum"\n'], {}, { outputs: ['y'] }));
    const { split, whole } = await bothWays(builder, {}, 'the "sum"\n');
    expect(isSameBits(split, whole)).toBe(true);
  });
});

describe('a mutated model', () => {
  it('gives segments or a SplitError, never anything else', () => {
    const valid = smallConvNet({ blocks: 1 });
    const types = new Map<string, TensorInfo>();
    const mutation = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(mutation, (changes) => {
        const bytes = valid.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        try {
          const graph = buildGraph(readModel(bytes));
          expect(
            segmentModel(graph, 0, graph.nodes.length, { types, location: 'm' }).bytes.length,
          ).toBeGreaterThan(0);
        } catch (error) {
          if (!isSplitError(error)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});

function branchingModel(): Uint8Array {
  const branch = (name: string, op: string) => {
    const graph = new GraphBuilder(name);
    graph.output(graph.node(op, ['captured']));
    return { graph };
  };
  const builder = new GraphBuilder();
  builder.input('x', 'float32', [4]);
  builder.node('Abs', ['x'], {}, { outputs: ['captured'] });
  builder.node('ReduceSum', ['x'], { keepdims: 0 }, { outputs: ['sum'] });
  builder.initializer('zero', { type: 'float32', data: Float32Array.of(0), dims: [] });
  builder.node('Greater', ['sum', 'zero'], {}, { outputs: ['condition'] });
  const branches = { then_branch: branch('then', 'Sqrt'), else_branch: branch('else', 'Neg') };
  builder.output(builder.node('If', ['condition'], branches, { outputs: ['y'] }));
  return builder.toBytes();
}

function vector(length: number): Tensor {
  return randomTensor(randomNumbers(length), [length]);
}

describe('headModel', () => {
  const feeds = {
    a: { type: 'float32', dims: [2], data: Float32Array.of(1, 2) },
    b: { type: 'float32', dims: [2], data: Float32Array.of(-3, 0.5) },
  } as const;

  it('makes at every cut of any head what the whole model makes there, and nothing behind it', async () => {
    // A head may make nothing that crosses, which only a real runtime passes over.
    await using runtime = await disposable(createOrtNode({ threads: 1 }));
    const property = fc.asyncProperty(dagSpec(8), fc.nat(), async (spec, pick) => {
      const whole = await openModel(memorySource(dagModel(spec)), runtime);
      const offered = offeredCuts(whole.cuts, whole.graph);
      const deepest = offered[pick % offered.length];
      if (deepest === undefined) return;
      const note = headNote(whole, deepest);
      const { bytes, weights } = headModel(whole.graph, { types: whole.types, weightsFile: 'w', note });
      expect(weights).toEqual([]);
      const head = await openModel(memorySource(bytes), runtime, { mayBeHead: true });
      if (!isHead(head)) throw new Error('no note');
      expect(head).toMatchObject({ digest: whole.digest, inputs: whole.inputs, outputs: whole.outputs });
      expect(head.cuts).toEqual(note.cuts);
      const cuts = head.cuts.filter(({ position }) => position > 0);
      const executor = await openHeadExecutor(head, cuts, runtime, { kind: 'chain' });
      for (const cut of cuts) {
        const fetches = cut.tensors.map(({ name }) => name);
        const { source, inputs } = whole;
        const loaded = await loadWithOutputs(createProbe(whole.graph, { source, runtime, inputs }), fetches);
        const expected = await runtime.run({ models: [loaded], feeds, fetches });
        const made = await executor.run({ to: cut, feeds, fetches });
        for (const name of fetches) expect(isSameBits(made.values[name], expected.values[name])).toBe(true);
        await loaded.release();
      }
      await expect(executor.run({ feeds, fetches: [] })).rejects.toMatchObject({ code: 'cut-invalid' });
      await executor.close();
    });
    await fc.assert(property, { numRuns: 40 });
  });

  it('brings the functions that its nodes call, and no others', async () => {
    // FunctionProto: name, input, output, node and domain; one calls another.
    const functionOf = (name: string, calls: WireWriter) =>
      new WireWriter().text(1, name).text(4, 'x').text(5, 'y').message(7, calls).text(10, 'own');
    const call = (opType: string, domain: string) =>
      nodeProto({ opType, domain, inputs: ['x'], outputs: ['y'] });
    const functions = [
      functionOf('Outer', call('Inner', 'own')),
      functionOf('Inner', call('Neg', '')),
      functionOf('Idle', call('Abs', '')),
    ].map((content) => ({
      number: 25,
      bytes: new WireWriter().message(25, content).toBytes(),
    }));
    const nodes = [readNode(wholeSpan(call('Outer', 'own').toBytes()))];
    const kept = withoutIdleFunctions(functions, nodes);
    expect(kept).toEqual(functions.slice(0, 2));
  });

  it.each([
    ['fallback', { fallback: 'local' }],
    ['outputs', { outputs: 'stay' }],
    ['queue.whenFull', { queue: { whenFull: 'local' } }],
  ] as const)('refuses %s, which needs the whole model', (option, wish) => {
    const given = { broker: 'mqtt://127.0.0.1', model: 'net', ...wish };
    expect(() => headOptions(given, resolveOptions(given))).toThrow(
      expect.objectContaining({ code: 'options-invalid', message: expect.stringContaining(option) }),
    );
  });
});

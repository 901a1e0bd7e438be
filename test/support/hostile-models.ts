/** Hostile bytes: real models, damaged where it hurts, and noise. With the law that holds for all of them. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { candidateCuts } from '../../sdk/src/cut/candidates.ts';
import { legalCuts } from '../../sdk/src/cut/legal-cuts.ts';
import { segmentModel } from '../../sdk/src/cut/segments.ts';
import { leaveWeights } from '../../sdk/src/cut/skeleton.ts';
import { isSplitError } from '../../sdk/src/errors.ts';
import { GraphBuilder } from '../../sdk/src/onnx/builder.ts';
import { externalRanges } from '../../sdk/src/onnx/external-data.ts';
import { buildGraph, type Graph } from '../../sdk/src/onnx/graph.ts';
import { type OnnxModel, partsOf, readModel, writeModel } from '../../sdk/src/onnx/model.ts';
import { valuesOf } from '../../sdk/src/onnx/tensor-values.ts';
import { bytesOf, type Span } from '../../sdk/src/onnx/wire-reader.ts';
import type { TensorInfo } from '../../sdk/src/tensor.ts';
import { ocrModels } from './models/ocr-models.ts';
import { smallConvNet } from './models/small-conv-net.ts';

/** Longest that any input may keep us busy, in milliseconds of processor time. */
const MAX_CPU_MS = 1000;

/** A model, the places in it where a change breaks structure rather than a weight's value, and its parts. */
interface Victim {
  readonly bytes: Uint8Array;
  readonly places: readonly number[];
  readonly header: OnnxModel['header'];
  readonly parts: Record<Part, readonly Uint8Array[]>;
}

const PARTS = ['nodes', 'initializers', 'inputs', 'outputs'] as const;
type Part = (typeof PARTS)[number];

type Damage = (bytes: Uint8Array) => Uint8Array;

/** Damaged models, and random bytes now and then. */
export function hostileBytes(): fc.Arbitrary<Uint8Array> {
  const victims = [nestedModel(), smallConvNet({ blocks: 1 }), readFileSync(ocrModels().cls.path)].map(
    victimOf,
  );
  const victim = fc.constantFrom(...victims);
  return fc.oneof(
    { weight: 10, arbitrary: victim.chain(withDamagedPart) },
    { weight: 5, arbitrary: victim.chain(damagedAnywhere) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 600 }) },
  );
}

function damagedAnywhere({ bytes, places }: Victim): fc.Arbitrary<Uint8Array> {
  const damages = fc.array(damage(places, bytes.length), { minLength: 1, maxLength: 4 });
  return damages.map((list) => list.reduce((damaged, apply) => apply(damaged), bytes));
}

/** Lengths around the damage are right again, so that it is met deep inside. Some parts are put elsewhere or lost. */
function withDamagedPart(victim: Victim): fc.Arbitrary<Uint8Array> {
  const kinds = PARTS.filter((part) => victim.parts[part].length > 0);
  return fc.constantFrom(...kinds).chain((part) => {
    const index = fc.nat(victim.parts[part].length - 1);
    const changed = fc
      .tuple(index, index, fc.array(damage([0, 8, 24, 60], 300), { maxLength: 2 }))
      .map(([from, to, damages]) => {
        const list = [...victim.parts[part]];
        const moved = damages.reduce((bytes, apply) => apply(bytes), list[from] ?? new Uint8Array());
        list[to] = moved;
        return list;
      });
    return changed.map((list) =>
      writeModel(victim.header, { name: 'g', ...victim.parts, [part]: list }).toBytes(),
    );
  });
}

/** Everything that is done to a file before a runtime sees it: it ends soon, well or with `model-invalid`. */
export function expectModelOrTypedError(bytes: Uint8Array): void {
  const before = process.cpuUsage();
  try {
    useModel(bytes);
  } catch (error) {
    if (!isSplitError(error) || error.code !== 'model-invalid') throw error;
  }
  const { user, system } = process.cpuUsage(before);
  if (user + system > MAX_CPU_MS * 1000)
    throw new Error(`took ${(user + system) / 1000} ms of processor time`);
}

function useModel(bytes: Uint8Array): void {
  const graph = buildGraph(readModel(bytes));
  writeModel(graph.model.header, partsOf(graph.model.graph)).chunks();
  externalRanges(graph.model);
  for (const weight of graph.initializers.values())
    if (weight.span.end - weight.span.start < 4096) tryValues(weight);
  leaveWeights(graph, 'model.onnx');
  const types = float32Types(graph);
  candidateCuts(legalCuts(graph, types, 'digest'), graph);
  const middle = graph.nodes.length >> 1;
  if (middle > 0) segmentModel(graph, 0, middle, { types, location: 'model.onnx' });
  if (middle < graph.nodes.length) segmentModel(graph, middle, graph.nodes.length, { types });
}

function tryValues(weight: Parameters<typeof valuesOf>[0]): void {
  try {
    valuesOf(weight);
  } catch (error) {
    if (!isSplitError(error)) throw error;
  }
}

function float32Types(graph: Graph): Map<string, TensorInfo> {
  const names = [...graph.inputs.map((input) => input.name), ...graph.producers.keys()];
  return new Map(names.map((name) => [name, { name, type: 'float32', shape: [2] }]));
}

function victimOf(bytes: Uint8Array): Victim {
  const { header, graph } = readModel(bytes);
  const { nodes, initializers, sparseInitializers, inputs, outputs } = graph;
  const spans = [...nodes, ...initializers, ...sparseInitializers].map(({ span }) => span.start);
  const infos = [...inputs, ...outputs].map((info) => info.bytes.byteOffset - bytes.byteOffset);
  const content = (items: readonly { readonly span: Span }[]) => items.map(({ span }) => bytesOf(span));
  return {
    bytes,
    places: [0, ...spans, ...infos],
    header,
    parts: {
      nodes: content(nodes),
      initializers: content(initializers),
      inputs: inputs.map((info) => info.bytes),
      outputs: outputs.map((info) => info.bytes),
    },
  };
}

function damage(places: readonly number[], length: number): fc.Arbitrary<Damage> {
  const place = fc
    .tuple(fc.constantFrom(...places), fc.integer({ min: -4, max: 40 }))
    .map(([start, by]) => Math.min(Math.max(start + by, 0), length));
  const hugeLength = fc.constantFrom(
    [0xff, 0xff, 0xff, 0xff, 0x0f],
    [...Array(9).fill(0xff), 1],
    [0x80, 0x80, 0x80, 0x80, 0x40],
  );
  const stretch = fc.tuple(place, fc.nat(300));
  return fc.oneof(
    place.map(
      (at): Damage =>
        (bytes) =>
          bytes.slice(0, at),
    ),
    fc.tuple(place, fc.nat(255)).map(
      ([at, byte]): Damage =>
        (bytes) =>
          replace(bytes, at, 1, [byte]),
    ),
    fc.tuple(place, fc.nat(7)).map(
      ([at, bit]): Damage =>
        (bytes) =>
          replace(bytes, at, 1, [(bytes[at] ?? 0) ^ (1 << bit)]),
    ),
    fc.tuple(place, hugeLength).map(
      ([at, length]): Damage =>
        (bytes) =>
          replace(bytes, at, length.length, length),
    ),
    stretch.map(
      ([at, length]): Damage =>
        (bytes) =>
          replace(bytes, at, length, []),
    ),
    fc.tuple(place, stretch).map(
      ([at, [from, length]]): Damage =>
        (bytes) =>
          replace(bytes, at, length, bytes.slice(from, from + length)),
    ),
    fc.tuple(place, stretch).map(
      ([at, [from, length]]): Damage =>
        (bytes) =>
          replace(bytes, at, 0, bytes.slice(from, from + length)),
    ),
  );
}

/** A copy in which `count` bytes from `at` are others. */
function replace(bytes: Uint8Array, at: number, count: number, others: ArrayLike<number>): Uint8Array {
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + count)];
  const changed = new Uint8Array(before.length + others.length + after.length);
  changed.set(before, 0);
  changed.set(others, before.length);
  changed.set(after, before.length + others.length);
  return changed;
}

/** Subgraphs in subgraphs, a constant node, weights in another file: the shapes that the other victims lack. */
function nestedModel(): Uint8Array {
  const inner = new GraphBuilder('inner');
  inner.initializer('i', { type: 'int64', data: BigInt64Array.of(1n, -1n), dims: [2] });
  inner.output(inner.node('Relu', ['y']));
  const branch = new GraphBuilder('branch');
  branch.output(branch.node('If', ['yes'], { then_branch: { graph: inner }, else_branch: { graph: inner } }));
  const graph = new GraphBuilder();
  graph.input('x', 'float32', ['batch', 4]);
  graph.initializer('w', { type: 'float32', data: Float32Array.of(1, 2, 3, 4), dims: [4] });
  graph.initializer('yes', { type: 'bool', data: Uint8Array.of(1), dims: [] });
  graph.externalInitializer('v', 'float32', [4], { location: 'weights.bin', offset: 64, length: 16 });
  graph.node(
    'Constant',
    [],
    { value: { tensor: { type: 'uint8', data: new Uint8Array(40), dims: [40] } } },
    { outputs: ['c'] },
  );
  graph.node('Mul', ['x', 'w'], { axis: -1, epsilon: { float: 0.5 } }, { outputs: ['m'] });
  graph.node('Add', ['m', 'v'], {}, { outputs: ['y'] });
  graph.node(
    'If',
    ['yes'],
    { then_branch: { graph: branch }, else_branch: { graph: branch } },
    { outputs: ['z'] },
  );
  graph.output('z', 'float32', ['batch', 4]);
  return graph.toBytes();
}

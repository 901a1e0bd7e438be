import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttributeValue } from './attribute.ts';
import { GraphBuilder } from './builder.ts';
import { readNames } from './graph-proto.ts';
import { partsOf, readModel, writeModel } from './model.ts';
import { bytesOf } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const floats = fc.array(fc.float({ noNaN: true }), { maxLength: 600 });
const attribute: fc.Arbitrary<AttributeValue> = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.string(),
  fc.array(fc.maxSafeInteger(), { maxLength: 5 }),
  fc.record({ floats: fc.array(fc.float(), { maxLength: 5 }) }),
  floats.map((values) => ({
    tensor: { type: 'float32', data: Float32Array.from(values), dims: [values.length] } as const,
  })),
);
const nodeSpec = fc.record({
  opType: name,
  inputs: fc.array(name, { maxLength: 4 }),
  outputs: fc.array(name, { minLength: 1, maxLength: 3 }),
  attributes: fc.dictionary(name, attribute, { maxKeys: 3 }),
  domain: fc.constantFrom('', 'com.example'),
});
const shape = fc.array(fc.oneof(fc.nat(1e6), name), { maxLength: 5 });
const graphSpec = fc.record({
  name: name,
  nodes: fc.array(nodeSpec, { maxLength: 8 }),
  weights: fc.array(fc.record({ name, values: floats }), { maxLength: 5 }),
  inputs: fc.array(fc.record({ name, shape: fc.option(shape) }), { maxLength: 3 }),
});

function build(spec: typeof graphSpec extends fc.Arbitrary<infer T> ? T : never): Uint8Array {
  const graph = new GraphBuilder(spec.name);
  for (const input of spec.inputs) graph.input(input.name, 'float32', input.shape);
  for (const { name, values } of spec.weights) {
    graph.initializer(name, { type: 'float32', data: Float32Array.from(values), dims: [values.length] });
  }
  for (const { opType, inputs, outputs, attributes, domain } of spec.nodes) {
    graph.node(opType, inputs, attributes, { outputs, domain });
  }
  return graph.toBytes();
}

describe('readModel', () => {
  it('reads back what the builder was told', () => {
    fc.assert(
      fc.property(graphSpec, (spec) => {
        const { graph, opsets } = readModel(build(spec));
        expect(opsets.get('')).toBe(17);
        expect(graph.name).toBe(spec.name);
        const nodes = graph.nodes.map(({ opType, inputs, outputs, domain }) => ({
          opType,
          inputs,
          outputs,
          domain,
        }));
        expect(nodes).toEqual(spec.nodes.map(({ attributes: _, ...node }) => node));
        expect(graph.inputs.map(({ name, shape }) => ({ name, shape }))).toEqual(
          spec.inputs.map(({ name, shape }) => ({ name, shape: shape && [...shape] })),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('knows where in the file every weight lies', () => {
    fc.assert(
      fc.property(graphSpec, (spec) => {
        const bytes = build(spec);
        for (const [i, tensor] of readModel(bytes).graph.initializers.entries()) {
          const { offset, length } = tensor.raw ?? { offset: -1, length: -1 };
          const values = new Float32Array(bytes.slice(offset, offset + length).buffer);
          expect(values).toEqual(Float32Array.from(spec.weights[i]?.values ?? []));
          expect(tensor.dims).toEqual([values.length]);
        }
      }),
    );
  });

  it('is undone by writeModel, byte for byte', () => {
    fc.assert(
      fc.property(graphSpec, (spec) => {
        const bytes = build(spec);
        const model = readModel(bytes);
        expect(writeModel(model.header, partsOf(model.graph)).toBytes()).toEqual(bytes);
      }),
    );
  });

  it('copies fields that it does not know', () => {
    const unknown = new WireWriter().text(99, 'from the future').int(100, -7).toBytes();
    const graph = new WireWriter().text(2, 'g').raw(unknown);
    const bytes = new WireWriter().int(1, 8).raw(unknown).message(7, graph).toBytes();
    const model = readModel(bytes);
    expect(writeModel(model.header, partsOf(model.graph)).toBytes()).toEqual(bytes);
  });

  it('reads dimensions and attributes as negative and large integers', () => {
    const graph = new GraphBuilder();
    graph.externalInitializer('w', 'float32', [2 ** 40, 3], {
      location: 'w.bin',
      offset: 2 ** 33,
      length: 5,
    });
    const [tensor] = readModel(graph.toBytes()).graph.initializers;
    expect(tensor?.dims).toEqual([2 ** 40, 3]);
    expect(Object.fromEntries(tensor?.external ?? [])).toEqual({
      location: 'w.bin',
      offset: `${2 ** 33}`,
      length: '5',
    });
  });

  it('takes an unnamed dimension and a negative one as anonymous', () => {
    const dims = new WireWriter().message(1, new WireWriter().int(1, -1)).message(1, new WireWriter());
    const type = new WireWriter().message(1, new WireWriter().int(1, 1).message(2, dims));
    const input = new WireWriter().text(1, 'x').message(2, type);
    const bytes = new WireWriter().message(7, new WireWriter().message(11, input)).toBytes();
    expect(readModel(bytes).graph.inputs[0]?.shape).toEqual(['', '']);
  });

  it('keeps a weight as a view of the file', () => {
    const graph = new GraphBuilder();
    graph.initializer('w', { type: 'uint8', data: new Uint8Array(5000), dims: [5000] });
    const bytes = graph.toBytes();
    const [tensor] = readModel(bytes).graph.initializers;
    expect(tensor && bytesOf(tensor.span).buffer).toBe(bytes.buffer);
  });
});

describe('captures', () => {
  it('are the outer names that nested subgraphs read and do not make', () => {
    const inner = new GraphBuilder('inner');
    inner.output(inner.node('Add', ['outer-a', 'made-in-middle']));
    const middle = new GraphBuilder('middle');
    middle.node('Relu', ['outer-b'], {}, { outputs: ['made-in-middle'] });
    middle.initializer('own-weight', { type: 'bool', data: Uint8Array.of(1), dims: [] });
    middle.output(
      middle.node('If', ['own-weight'], { then_branch: { graph: inner }, else_branch: { graph: inner } }),
    );
    const graph = new GraphBuilder();
    graph.node('If', ['condition'], { then_branch: { graph: middle } });
    const [node] = readModel(graph.toBytes()).graph.nodes;
    expect(node?.captures.toSorted()).toEqual(['outer-a', 'outer-b']);
    expect(node && readNames(node)).toEqual(['condition', 'outer-b', 'outer-a']);
  });
});

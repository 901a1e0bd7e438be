/** The nightly run does the same with a hundred thousand: test/nightly/hostile-models.nightly.ts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { legalCuts } from '../../sdk/src/cut/legal-cuts.ts';
import { GraphBuilder } from '../../sdk/src/onnx/builder.ts';
import { buildGraph } from '../../sdk/src/onnx/graph.ts';
import { readModel } from '../../sdk/src/onnx/model.ts';
import { WireWriter } from '../../sdk/src/onnx/wire-writer.ts';
import type { TensorInfo } from '../../sdk/src/tensor.ts';
import { expectModelOrTypedError, hostileBytes } from '../support/hostile-models.ts';

describe('a hostile file', () => {
  it('gives a model or model-invalid, soon', () => {
    fc.assert(fc.property(hostileBytes(), expectModelOrTypedError), { numRuns: 2000 });
  }, 120_000);

  it.each([
    ['nodes of two bytes', 1],
    ['unknown fields', 99],
    ['weights of two bytes', 5],
  ])('of millions of %s is refused before they fill the memory', (_, field) => {
    const entry = new WireWriter().bytes(field, new Uint8Array()).toBytes();
    const graph = new Uint8Array(entry.length * 3e6);
    for (let at = 0; at < graph.length; at += entry.length) graph.set(entry, at);
    const bytes = new WireWriter().bytes(7, graph).toBytes();
    expect(() => readModel(bytes)).toThrowError(/more than 1048576 entries in a message at byte \d+/);
  });

  it('of tens of thousands of values that all cross is cut only where few do', () => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [1]);
    const names = Array.from({ length: 20_000 }, (_, i) =>
      builder.node('Neg', ['x'], {}, { outputs: [`v${i}`] }),
    );
    builder.output(builder.node('Sum', names, {}, { outputs: ['y'] }));
    const bytes = builder.toBytes();
    expectModelOrTypedError(bytes);
    const graph = buildGraph(readModel(bytes));
    const types = new Map<string, TensorInfo>(
      ['x', 'y', ...names].map((name) => [name, { name, type: 'float32', shape: [1] }]),
    );
    const cuts = legalCuts(graph, types, 'd');
    expect(cuts.length).toBeGreaterThan(200);
    expect(cuts.length).toBeLessThan(300);
    expect(cuts.at(-1)?.depth).toBe(1);
  });

  it('of tens of thousands of outputs is refused', () => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [1]);
    for (let i = 0; i < 20_000; i++) builder.output(builder.node('Neg', ['x'], {}, { outputs: [`v${i}`] }));
    expect(() => buildGraph(readModel(builder.toBytes()))).toThrowError(
      '20000 outputs, which is more than 4096',
    );
  });

  it('in which nodes feed each other is refused', () => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [1]);
    builder.node('Add', ['x', 'b'], {}, { outputs: ['a'] });
    builder.node('Neg', ['a'], {}, { outputs: ['b'] });
    builder.output('b');
    expect(() => buildGraph(readModel(builder.toBytes()))).toThrowError('not in topological order');
  });
});

import { describe, expect, it } from 'vitest';
import type { Tensor } from '../tensor.ts';
import { GraphBuilder } from './builder.ts';
import { constantTensor } from './constant.ts';
import { buildGraph, type Graph, isWeight } from './graph.ts';
import { readModel } from './model.ts';

const weight: Tensor = { type: 'float32', data: Float32Array.of(1, 2), dims: [2] };
const graphOf = (builder: GraphBuilder): Graph => buildGraph(readModel(builder.toBytes()));

describe('buildGraph', () => {
  it('takes nodes computed from weights alone for weights', () => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [2]);
    builder.node('Constant', [], { value: { tensor: weight } }, { outputs: ['c'] });
    builder.initializer('w', weight);
    builder.node('Add', ['c', 'w'], {}, { outputs: ['d'] });
    builder.output(builder.node('Mul', ['x', 'd'], {}, { outputs: ['y'] }));
    const graph = graphOf(builder);
    expect(graph.nodes.map((node) => node.opType)).toEqual(['Mul']);
    expect([...graph.constants.keys()]).toEqual(['c', 'd']);
    expect(['c', 'w', 'd'].every((name) => isWeight(graph, name))).toBe(true);
    expect(isWeight(graph, 'y')).toBe(false);
    const constant = graph.constants.get('c');
    expect(constant && constantTensor(constant)).toMatchObject({ name: 'c', dims: [2], raw: { length: 8 } });
  });

  it.each([
    'RandomNormal',
    'RandomUniformLike',
    'Bernoulli',
    'Multinomial',
  ])('does not take %s for a weight', (op) => {
    const builder = new GraphBuilder();
    builder.initializer('w', weight);
    builder.output(builder.node(op, ['w'], {}, { outputs: ['y'] }));
    expect(graphOf(builder).nodes.map((node) => node.opType)).toEqual([op]);
  });

  it('does not take a function of the model for a weight, as it may draw random numbers', () => {
    const builder = new GraphBuilder();
    builder.initializer('w', weight);
    builder.output(builder.node('Noise', ['w'], {}, { outputs: ['y'], domain: 'com.example' }));
    expect(graphOf(builder).nodes).toHaveLength(1);
  });

  it('leaves out inputs that are weights, as old models list them', () => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [2]);
    builder.input('w', 'float32', [2]);
    builder.initializer('w', weight);
    builder.output(builder.node('Add', ['x', 'w']));
    expect(graphOf(builder).inputs.map((input) => input.name)).toEqual(['x']);
  });

  it('counts a value captured by a subgraph as read', () => {
    const branch = new GraphBuilder('branch');
    branch.output(branch.node('Relu', ['captured']));
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [2]);
    builder.node('Abs', ['x'], {}, { outputs: ['captured'] });
    builder.node('Greater', ['x', 'captured'], {}, { outputs: ['condition'] });
    builder.output(
      builder.node('If', ['condition'], { then_branch: { graph: branch }, else_branch: { graph: branch } }),
    );
    const graph = graphOf(builder);
    expect(graph.consumers.get('captured')).toEqual([1, 2]);
    expect(graph.producers.get('captured')).toBe(0);
  });

  it('does not take an optional input that is left out for a value', () => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [2]);
    builder.output(builder.node('Clip', ['x', '', 'x']));
    expect([...graphOf(builder).consumers.keys()]).toEqual(['x']);
  });

  it.each([
    ['read before it is made', ['b', 'a'], 'not in topological order'],
    ['made nowhere', ['a', 'nowhere'], 'which nothing makes'],
  ])('refuses a value that is %s', (_, inputs, message) => {
    const builder = new GraphBuilder();
    builder.input('x', 'float32', [2]);
    builder.node('Relu', ['x'], {}, { outputs: ['a'] });
    builder.node('Add', inputs, {}, { outputs: ['c'] });
    builder.node('Relu', ['c'], {}, { outputs: ['b'] });
    expect(() => graphOf(builder)).toThrowError(expect.objectContaining({ code: 'model-invalid' }));
    expect(() => graphOf(builder)).toThrowError(message);
  });

  it('refuses a value that is made twice and an output that is made nowhere', () => {
    const twice = new GraphBuilder();
    twice.input('x', 'float32', [2]);
    for (let i = 0; i < 2; i++) twice.node('Relu', ['x'], {}, { outputs: ['a'] });
    expect(() => graphOf(twice)).toThrowError('"a" is made twice');
    const missing = new GraphBuilder();
    missing.output('y');
    expect(() => graphOf(missing)).toThrowError('output "y" is made nowhere');
  });
});

describe('GraphBuilder', () => {
  it('refuses a fraction where an integer attribute is meant', () => {
    expect(() => new GraphBuilder().node('Gemm', [], { alpha: 0.5 })).toThrowError('write {float: 0.5}');
  });

  it('refuses a weight whose values do not fill its shape', () => {
    const builder = new GraphBuilder();
    expect(() => builder.initializer('w', { ...weight, dims: [3] })).toThrowError(
      'has 2 values, its shape 3',
    );
  });
});

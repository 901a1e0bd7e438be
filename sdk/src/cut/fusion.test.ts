import { describe, expect, it } from 'vitest';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { buildGraph, type Graph } from '../onnx/graph.ts';
import { readModel } from '../onnx/model.ts';
import { fusionGroups, isInsideFusion } from './fusion.ts';

/** `left|right` of every position that is not inside a group. */
function freePositions(graph: Graph): string[] {
  const inner = graph.nodes.slice(1).map((_, i) => i + 1);
  const groups = fusionGroups(graph);
  const free = inner.filter((position) => !isInsideFusion(graph, position, groups));
  return free.map((position) => `${graph.nodes[position - 1]?.opType}|${graph.nodes[position]?.opType}`);
}

/** A graph of nodes one after the other; `x` and the names `n0`, `n1` ... may be read again by index. */
function chain(...ops: readonly (readonly [string, ...number[]])[]): Graph {
  const builder = new GraphBuilder();
  const names = [builder.input('x', 'float32', ['n'])];
  for (const [i, [op, ...also]] of ops.entries()) {
    const inputs = [names.at(-1) ?? 'x', ...also.map((at) => names[at] ?? 'x')];
    names.push(builder.node(op, inputs, {}, { outputs: [`n${i}`] }));
  }
  builder.output(names.at(-1) ?? 'x');
  return buildGraph(readModel(builder.toBytes()));
}

describe('isInsideFusion', () => {
  it('leaves the ends of blocks of a residual net free', () => {
    const graph = buildGraph(readModel(smallConvNet()));
    expect(new Set(freePositions(graph))).toEqual(
      new Set([
        'Relu|Conv',
        'Relu|MaxPool',
        'MaxPool|Conv',
        'MaxPool|GlobalAveragePool',
        'GlobalAveragePool|Flatten',
        'Flatten|Gemm',
      ]),
    );
  });

  it.each([
    ['a bias on a matrix product', chain(['MatMul'], ['Add'], ['Softmax']), ['Add|Softmax']],
    ['an activation', chain(['Conv'], ['LeakyRelu'], ['Conv'], ['Clip']), ['LeakyRelu|Conv']],
    [
      'Gelu spelt out',
      chain(['Softmax'], ['Div'], ['Erf'], ['Add'], ['Mul', 1], ['Mul'], ['Softmax']),
      ['Softmax|Div', 'Mul|Softmax'],
    ],
    [
      'a layer norm spelt out',
      chain(
        ['Softmax'],
        ['ReduceMean'],
        ['Sub', 1],
        ['Pow'],
        ['ReduceMean'],
        ['Add'],
        ['Sqrt'],
        ['Div', 3],
        ['Mul'],
        ['Add'],
        ['Softmax'],
      ),
      ['Softmax|ReduceMean', 'Add|Softmax'],
    ],
    [
      'an operator between dequantising and quantising',
      chain(['QuantizeLinear'], ['DequantizeLinear'], ['Softmax'], ['QuantizeLinear'], ['DequantizeLinear']),
      ['QuantizeLinear|DequantizeLinear', 'QuantizeLinear|DequantizeLinear'],
    ],
    [
      'the tanh form of Gelu and what reads it',
      chain(
        ['Softmax'],
        ['Pow'],
        ['Mul'],
        ['Add', 1],
        ['Mul'],
        ['Tanh'],
        ['Add'],
        ['Mul', 1],
        ['Flatten'],
        ['Abs'],
      ),
      ['Softmax|Pow', 'Flatten|Abs'],
    ],
    ['a gate', chain(['Softmax'], ['Sigmoid'], ['Mul', 1], ['Softmax']), ['Softmax|Sigmoid', 'Mul|Softmax']],
    [
      'the sum before a norm that alone reads it',
      chain(['Softmax'], ['Add', 0], ['LayerNormalization'], ['Softmax']),
      ['Softmax|Add', 'LayerNormalization|Softmax'],
    ],
    [
      'an RMS norm spelt out',
      chain(['Softmax'], ['Pow'], ['ReduceMean'], ['Add'], ['Sqrt'], ['Div', 1], ['Mul'], ['Softmax']),
      ['Softmax|Pow', 'Mul|Softmax'],
    ],
    [
      'attention from its projections to its output',
      chain(
        ['Softmax'],
        ['MatMul', 0],
        ['Transpose'],
        ['MatMul', 1],
        ['Softmax'],
        ['MatMul', 1],
        ['Transpose'],
        ['MatMul', 0],
        ['Add', 0],
        ['Add', 1],
        ['Abs'],
      ),
      ['Softmax|MatMul', 'Add|Add', 'Add|Abs'],
    ],
  ])('holds %s together', (_, graph, free) => {
    expect(freePositions(graph)).toEqual(free);
  });

  it('does not hold together what others read too', () => {
    expect(freePositions(chain(['Conv'], ['Relu'], ['Add', 1]))).toContain('Conv|Relu');
  });

  it('leaves a sum free that others than the norm read', () => {
    const graph = chain(['Softmax'], ['Add', 0], ['LayerNormalization'], ['Add', 2]);
    expect(freePositions(graph)).toContain('Add|LayerNormalization');
  });

  it('looks through few nodes in a graph made to have countless paths', () => {
    const doubled = Array.from({ length: 2000 }, (_, i): [string, number] => ['Add', i]);
    const graph = chain(...doubled, ['Softmax'], ['MatMul', 0]);
    expect(freePositions(graph).length).toBeGreaterThan(0);
  });

  it('is false at both ends', () => {
    const graph = chain(['Conv'], ['Relu']);
    expect([0, 1, 2].map((position) => isInsideFusion(graph, position))).toEqual([false, true, false]);
  });
});

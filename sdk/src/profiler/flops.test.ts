import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../onnx/builder.ts';
import { buildGraph } from '../onnx/graph.ts';
import { readModel } from '../onnx/model.ts';
import type { TensorInfo } from '../tensor.ts';
import { guessNodeMs, nodeWork, SMALL_BOARD } from './flops.ts';

const floats = (dims: readonly number[]) => ({
  type: 'float32' as const,
  data: new Float32Array(dims.reduce((product, dim) => product * dim, 1)),
  dims,
});

/** One node with weights, and the shapes of its values. */
function oneNode(opType: string, x: readonly number[], weight: readonly number[], y: readonly number[]) {
  const builder = new GraphBuilder();
  const inputs = [builder.input('x', 'float32', [...x]), builder.initializer('w', floats(weight))];
  builder.output(builder.node(opType, inputs, {}, { outputs: ['y'] }), 'float32', [...y]);
  const info = (name: string, shape: readonly number[]): TensorInfo => ({ name, type: 'float32', shape });
  const types = new Map([info('x', x), info('y', y)].map((entry) => [entry.name, entry]));
  return nodeWork(buildGraph(readModel(builder.toBytes())), types)[0];
}

describe('nodeWork', () => {
  it.each([
    // Each of 4x6x6 outputs meets 3x3x3 weights.
    ['Conv', [1, 3, 8, 8], [4, 3, 3, 3], [1, 4, 6, 6], 2 * 144 * 27],
    // Depthwise: each meets 1x3x3.
    ['Conv', [1, 4, 8, 8], [4, 1, 3, 3], [1, 4, 6, 6], 2 * 144 * 9],
    ['ConvTranspose', [1, 3, 4, 4], [3, 2, 2, 2], [1, 2, 8, 8], 2 * 48 * 8],
    ['Gemm', [5, 7], [7, 3], [5, 3], 2 * 15 * 7],
    ['MatMul', [2, 5, 7], [7, 3], [2, 5, 3], 2 * 30 * 7],
    ['Add', [2, 3], [2, 3], [2, 3], 6],
  ] as const)('counts the additions and multiplications of %s of %j with %j', (opType, x, weight, y, operations) => {
    expect(oneNode(opType, x, weight, y)?.operations).toBe(operations);
  });

  it('counts the bytes that are read, weights among them, and made', () => {
    expect(oneNode('Gemm', [5, 7], [7, 3], [5, 3])?.bytes).toBe(4 * (35 + 21 + 15));
  });

  it('says so where a shape is not known', () => {
    const builder = new GraphBuilder();
    builder.output(builder.node('Relu', [builder.input('x', 'float32', ['n'])]));
    const types = new Map([['x', { name: 'x', type: 'float32' as const, shape: ['n'] }]]);
    expect(nodeWork(buildGraph(readModel(builder.toBytes())), types)).toEqual([
      { operations: 0, bytes: 0, isIncomplete: true },
    ]);
  });
});

describe('guessNodeMs', () => {
  it('takes whichever is longer, computing or moving, and adds what every node costs', () => {
    const machine = { operationsPerSecond: 1e9, bytesPerSecond: 1e9, nodeMs: 1 };
    const work = [
      { operations: 5e6, bytes: 1e6, isIncomplete: false },
      { operations: 0, bytes: 2e6, isIncomplete: false },
    ];
    expect([...guessNodeMs(work, machine)]).toEqual([6, 3]);
    expect(SMALL_BOARD.nodeMs).toBeGreaterThan(0);
  });
});

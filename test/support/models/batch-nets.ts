/** Nets that differ in what becomes of a batch. All take x of [1, 8] or [batch, 8] and give y. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { randomNumbers, randomTensor } from './random-weights.ts';

/** Reshapes to constant shapes, as exporters write them; with a class token it cannot be freed by rewriting those. */
export function fixedBatchNet({ token = false } = {}): Uint8Array {
  const graph = new GraphBuilder('fixed');
  const next = randomNumbers(4);
  graph.input('x', 'float32', [1, 8]);
  const shape = (name: string, dims: readonly number[]) =>
    graph.initializer(name, { type: 'int64', dims: [dims.length], data: BigInt64Array.from(dims, BigInt) });
  const weights = graph.initializer('weights', randomTensor(next, [4, 4]));
  let h = graph.node('Reshape', [graph.node('Tanh', ['x']), shape('square', [1, 2, 4])]);
  if (token) {
    const first = graph.initializer('token', randomTensor(next, [1, 1, 4]));
    h = graph.node('Concat', [first, h], { axis: 1 });
  }
  h = graph.node('Sigmoid', [graph.node('MatMul', [h, weights])]);
  h = graph.node('Reshape', [h, shape('flat', [1, -1])]);
  graph.node('Softmax', [h], {}, { outputs: ['y'] });
  graph.output('y');
  return graph.toBytes();
}

export function batchNormalisingNet(): Uint8Array {
  const graph = new GraphBuilder('mean');
  graph.input('x', 'float32', ['batch', 8]);
  const h = graph.node('Tanh', ['x']);
  const mean = graph.node('ReduceMean', [h], { axes: [0], keepdims: 1 });
  graph.node('Softmax', [graph.node('Sub', [h, mean])], {}, { outputs: ['y'] });
  graph.output('y');
  return graph.toBytes();
}

/** The shape of the input crosses until it is used. */
export function shapeNet(): Uint8Array {
  const graph = new GraphBuilder('shape');
  graph.input('x', 'float32', ['batch', 8]);
  const h = graph.node('Tanh', ['x'], {}, { outputs: ['h'] });
  graph.node('Shape', [h], {}, { outputs: ['size'] });
  const flat = graph.initializer('flat', { type: 'int64', dims: [1], data: BigInt64Array.of(-1n) });
  graph.node('Reshape', [graph.node('Reshape', [h, flat]), 'size'], {}, { outputs: ['again'] });
  graph.node('Softmax', [graph.node('Sigmoid', ['again'])], {}, { outputs: ['y'] });
  graph.output('y');
  return graph.toBytes();
}

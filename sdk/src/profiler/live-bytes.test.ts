import { expect, it } from 'vitest';
import { GraphBuilder } from '../onnx/builder.ts';
import { buildGraph } from '../onnx/graph.ts';
import { readModel } from '../onnx/model.ts';
import type { TensorInfo } from '../tensor.ts';
import { mostLiveBytes } from './live-bytes.ts';

/** x of 1 number, then a, b and y of 10, 100 and 1,000; y adds what b made to `second`. */
function bytesWith(second: 'x' | 'a', known: readonly string[] = ['x', 'a', 'b', 'y']): number | undefined {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float32', [1]);
  const a = builder.node('Relu', [x], {}, { outputs: ['a'] });
  const b = builder.node('Relu', [a], {}, { outputs: ['b'] });
  const y = builder.node('Add', [b, second === 'x' ? x : a], {}, { outputs: ['y'] });
  builder.output(y, 'float32', [1000]);
  const types = new Map<string, TensorInfo>(
    Object.entries({ x: 1, a: 10, b: 100, y: 1000 })
      .filter(([name]) => known.includes(name))
      .map(([name, size]) => [name, { name, type: 'float32', shape: [size] }]),
  );
  return mostLiveBytes(buildGraph(readModel(builder.toBytes())), types);
}

it('counts what is held at once: each value until its last reader', () => {
  expect(bytesWith('x')).toBe(4 * (1 + 100 + 1000));
  expect(bytesWith('a')).toBe(4 * (10 + 100 + 1000));
});

it('does not guess where a size is not known', () => {
  expect(bytesWith('x', ['x', 'a', 'y'])).toBeUndefined();
});

/** A net for the executor suite: several tensors cross, names are awkward, one output comes early, a weight is shared. */
import { GraphBuilder } from '../../onnx/builder.ts';
import { elementCount, type Tensor } from '../../tensor.ts';

const WIDTH = 6;

export function suiteNet(): Uint8Array {
  const graph = new GraphBuilder('suite');
  const next = numbers(5);
  const [first, second] = ['w 1', '{"w": 2}'].map((name) =>
    graph.initializer(name, floats([WIDTH, WIDTH], next)),
  );
  graph.input('x', 'float32', ['batch', WIDTH]);
  const node = (op: string, inputs: readonly (string | undefined)[], output: string) =>
    graph.node(
      op,
      inputs.map((name) => name ?? ''),
      {},
      { outputs: [output] },
    );
  const a = node('Tanh', [node('MatMul', ['x', first], 'a/1')], "it's a");
  node('Sigmoid', [a], 'early');
  const b = node('MatMul', [a, second], 'cutpoint/b');
  const c = node('Add', [b, a], 'c');
  const d = node('Mul', [c, 'x'], 'd "quoted"');
  const e = node('Tanh', [node('MatMul', [d, first], 'e')], 'f');
  node('Softmax', [node('Sub', [e, c], 'g')], 'y');
  graph.output('y', 'float32', ['batch', WIDTH]);
  graph.output('early', 'float32', ['batch', WIDTH]);
  return graph.toBytes();
}

/** Rows that fit the net. */
export function suiteRows(rows: number, seed: number): Tensor {
  return floats([rows, WIDTH], numbers(seed));
}

function floats(dims: readonly number[], next: () => number): Tensor {
  return { type: 'float32', dims, data: Float32Array.from({ length: elementCount(dims) }, next) };
}

function numbers(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** Pre-norm transformer blocks with random weights over float32 [batch, seq, width]. Small unless asked otherwise. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import type { Tensor } from '../../../sdk/src/tensor.ts';
import { randomNumbers, randomTensor } from './random-weights.ts';

export interface TransformerOptions {
  /** @default 2 */
  readonly blocks?: number;
  /** Divisible by `heads`. @default 32 */
  readonly width?: number;
  /** @default 4 */
  readonly heads?: number;
  readonly seed?: number;
}

export function transformer({
  blocks = 2,
  width = 32,
  heads = 4,
  seed = 11,
}: TransformerOptions = {}): Uint8Array {
  const graph = new GraphBuilder('transformer');
  const layers = new TransformerLayers(graph, { width, heads, seed });
  graph.input('input', 'float32', ['batch', 'seq', width]);
  graph.output('output', 'float32', ['batch', 'seq', width]);
  let x = 'input';
  for (let block = 0; block < blocks; block++) {
    x = graph.node('Add', [x, layers.attention(layers.norm(x))]);
    x = graph.node('Add', [x, layers.feedForward(layers.norm(x))]);
  }
  layers.norm(x, ['output']);
  return graph.toBytes();
}

class TransformerLayers {
  readonly #graph: GraphBuilder;
  readonly #next: () => number;
  readonly #width: number;
  #count = 0;

  constructor(graph: GraphBuilder, { width, heads, seed }: Required<Omit<TransformerOptions, 'blocks'>>) {
    this.#graph = graph;
    this.#next = randomNumbers(seed);
    this.#width = width;
    graph.initializer('split-heads', int64([0, -1, heads, width / heads]));
    graph.initializer('join-heads', int64([0, -1, width]));
    graph.initializer('attention-scale', scalar(Math.sqrt(heads / width)));
    for (const [name, value] of [
      ['half', 0.5],
      ['one', 1],
      ['root-half', Math.SQRT1_2],
    ] as const) {
      graph.initializer(name, scalar(value));
    }
  }

  norm(x: string, outputs?: readonly string[]): string {
    const [scale, shift] = [this.#weight([this.#width], 0.2, 1), this.#weight([this.#width], 0.1)];
    const options = outputs ? { outputs } : {};
    return this.#graph.node(
      'LayerNormalization',
      [x, scale, shift],
      { axis: -1, epsilon: { float: 1e-5 } },
      options,
    );
  }

  attention(x: string): string {
    const graph = this.#graph;
    const [query, key, value] = (
      [
        [0, 2, 1, 3],
        [0, 2, 3, 1],
        [0, 2, 1, 3],
      ] as const
    ).map((perm) => {
      const projected = this.#linear(x, this.#width, this.#width);
      return graph.node('Transpose', [graph.node('Reshape', [projected, 'split-heads'])], { perm });
    });
    const scores = graph.node('Mul', [graph.node('MatMul', [query ?? '', key ?? '']), 'attention-scale']);
    const mixed = graph.node('MatMul', [graph.node('Softmax', [scores], { axis: -1 }), value ?? '']);
    const joined = graph.node('Reshape', [
      graph.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }),
      'join-heads',
    ]);
    return this.#linear(joined, this.#width, this.#width);
  }

  /** Two layers with Gelu, spelt out with Erf as exporters do, between them. */
  feedForward(x: string): string {
    const graph = this.#graph;
    const wide = this.#linear(x, this.#width, this.#width * 4);
    const erf = graph.node('Erf', [graph.node('Mul', [wide, 'root-half'])]);
    const gate = graph.node('Add', [erf, 'one']);
    const gelu = graph.node('Mul', [graph.node('Mul', [wide, gate]), 'half']);
    return this.#linear(gelu, this.#width * 4, this.#width);
  }

  #linear(x: string, from: number, to: number): string {
    const product = this.#graph.node('MatMul', [x, this.#weight([from, to], Math.sqrt(3 / from))]);
    return this.#graph.node('Add', [product, this.#weight([to], 0.02)]);
  }

  #weight(dims: readonly number[], spread: number, centre = 0): string {
    return this.#graph.initializer(
      `weight${this.#count++}`,
      randomTensor(this.#next, dims, { spread, centre }),
    );
  }
}

function scalar(value: number): Tensor {
  return { type: 'float32', data: Float32Array.of(value), dims: [] };
}

function int64(values: readonly number[]): Tensor {
  return { type: 'int64', data: BigInt64Array.from(values.map(BigInt)), dims: [values.length] };
}

/** A small residual net in integers, as quantisers write it: every operator between DequantizeLinear and QuantizeLinear. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import type { Tensor } from '../../../sdk/src/tensor.ts';
import { type Architecture, type ArchitectureOptions, pictures } from './architecture.ts';
import { scaled } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';
import { scalar } from './transformer-layers.ts';

const SIDE = 32;
const BLOCKS = 3;

export const quantized: Architecture = {
  name: 'quantised net',
  make: makeQuantized,
  inputs: () => pictures(SIDE),
  fullMegabytes: 0.06,
  smallScale: 1,
};

function makeQuantized({ scale, seed = 34 }: ArchitectureOptions): Uint8Array {
  const graph = new GraphBuilder('quantized');
  const layers = new QuantizedLayers(graph, randomNumbers(seed));
  const channels = scaled(32, scale);
  graph.input('input', 'float32', ['batch', 3, SIDE, SIDE]);
  graph.output('output', 'float32', ['batch', channels]);
  let x = layers.conv(layers.quantise('input'), 3, channels);
  for (let block = 0; block < BLOCKS; block++) {
    const y = layers.conv(layers.conv(x, channels, channels), channels, channels);
    x = layers.add(x, y);
  }
  const pooled = graph.node('GlobalAveragePool', [layers.float(x)]);
  graph.node('Flatten', [pooled], {}, { outputs: ['output'] });
  return graph.toBytes();
}

/** Activations are uint8 with 0 in the middle, weights int8. */
class QuantizedLayers {
  readonly #graph: GraphBuilder;
  readonly #next: () => number;
  #count = 0;

  constructor(graph: GraphBuilder, next: () => number) {
    this.#graph = graph;
    this.#next = next;
    graph.initializer('step', scalar(0.05));
    graph.initializer('middle', { type: 'uint8', data: Uint8Array.of(128), dims: [] });
    graph.initializer('weight-step', scalar(0.002));
    graph.initializer('weight-middle', { type: 'int8', data: Int8Array.of(0), dims: [] });
  }

  quantise(x: string): string {
    return this.#graph.node('QuantizeLinear', [x, 'step', 'middle']);
  }

  float(x: string): string {
    return this.#graph.node('DequantizeLinear', [x, 'step', 'middle']);
  }

  conv(x: string, from: number, to: number): string {
    const graph = this.#graph;
    const weights = graph.initializer(`weight${this.#count++}`, this.#integers([to, from, 3, 3]));
    const kernel = graph.node('DequantizeLinear', [weights, 'weight-step', 'weight-middle']);
    const made = graph.node('Conv', [this.float(x), kernel], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
    return this.quantise(made);
  }

  add(x: string, y: string): string {
    return this.quantise(this.#graph.node('Add', [this.float(x), this.float(y)]));
  }

  #integers(dims: readonly number[]): Tensor {
    const length = dims.reduce((product, dim) => product * dim, 1);
    return {
      type: 'int8',
      data: Int8Array.from({ length }, () => Math.floor(this.#next() * 255) - 127),
      dims,
    };
  }
}

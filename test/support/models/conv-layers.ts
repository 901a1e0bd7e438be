/** Layers of convolutional nets, with seeded random weights scaled so that activations keep their size. */
import type { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { randomTensor } from './random-weights.ts';

export interface ConvShape {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
}

/** Adds layers to a graph; names count up, so that every weight has its own. */
export class ConvLayers {
  readonly #graph: GraphBuilder;
  readonly #next: () => number;
  #count = 0;

  constructor(graph: GraphBuilder, next: () => number) {
    this.#graph = graph;
    this.#next = next;
  }

  /** Convolution and batch normalisation, then Relu if asked for. */
  convNorm(x: string, shape: ConvShape, { relu = true } = {}): string {
    const name = `layer${this.#count++}`;
    const normalised = this.#norm(name, this.#conv(name, x, shape), shape.outChannels);
    return relu ? this.#graph.node('Relu', [normalised]) : normalised;
  }

  /** Global average, then one fully connected layer into `output`. */
  classifier(x: string, inChannels: number, classes: number, output: string): void {
    const pooled = this.#graph.node('Flatten', [this.#graph.node('GlobalAveragePool', [x])]);
    const weights = this.#weight('classifier.weight', [classes, inChannels], Math.sqrt(3 / inChannels));
    const bias = this.#weight('classifier.bias', [classes], 0.1);
    this.#graph.node('Gemm', [pooled, weights, bias], { transB: 1 }, { outputs: [output] });
  }

  #conv(name: string, x: string, { inChannels, outChannels, kernel, stride }: ConvShape): string {
    const spread = Math.sqrt(6 / (inChannels * kernel * kernel));
    const weights = this.#weight(`${name}.weight`, [outChannels, inChannels, kernel, kernel], spread);
    const pad = kernel >> 1;
    return this.#graph.node('Conv', [x, weights], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  }

  #norm(name: string, x: string, channels: number): string {
    const scale = this.#weight(`${name}.scale`, [channels], 0.2, 0.8);
    const shift = this.#weight(`${name}.shift`, [channels], 0.1);
    const mean = this.#weight(`${name}.mean`, [channels], 0.1);
    const variance = this.#weight(`${name}.variance`, [channels], 0.2, 1);
    return this.#graph.node('BatchNormalization', [x, scale, shift, mean, variance], {
      epsilon: { float: 1e-5 },
    });
  }

  #weight(name: string, dims: readonly number[], spread: number, centre = 0): string {
    return this.#graph.initializer(name, randomTensor(this.#next, dims, { spread, centre }));
  }
}

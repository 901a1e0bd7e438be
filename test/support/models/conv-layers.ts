/** Layers of convolutional nets, with seeded random weights scaled so that activations keep their size. */
import type { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import type { Tensor } from '../../../sdk/src/tensor.ts';
import { randomTensor } from './random-weights.ts';

/** A kernel or a padding; the same in height and width when one number. */
export type Extent = number | readonly [height: number, width: number];

export interface ConvShape {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: Extent;
  readonly stride: number;
  /** On each side. @default half the kernel */
  readonly pad?: Extent;
  /** @default 1 */
  readonly groups?: number;
}

export type Activation = 'none' | 'relu' | 'relu6' | 'silu';

/** Adds layers to a graph; names count up, so that every weight has its own. */
export class ConvLayers {
  readonly #graph: GraphBuilder;
  readonly #next: () => number;
  #count = 0;
  #hasLimits = false;

  constructor(graph: GraphBuilder, next: () => number) {
    this.#graph = graph;
    this.#next = next;
  }

  /** Convolution and batch normalisation, then an activation. */
  convNorm(x: string, shape: ConvShape, activation: Activation = 'relu'): string {
    const name = `layer${this.#count++}`;
    return this.activate(this.#norm(name, this.#conv(name, x, shape), shape.outChannels), activation);
  }

  /** Convolution with a bias, then an activation. */
  convBias(x: string, shape: ConvShape, activation: Activation = 'relu'): string {
    const name = `layer${this.#count++}`;
    const bias = this.weight(`${name}.bias`, [shape.outChannels], 0.1);
    return this.activate(this.#conv(name, x, shape, bias), activation);
  }

  /** Batch normalisation and an activation before a convolution comes, as DenseNet has them. */
  normActivate(x: string, channels: number): string {
    return this.activate(this.#norm(`layer${this.#count++}`, x, channels), 'relu');
  }

  /** Twice the height and width. */
  upConv(x: string, inChannels: number, outChannels: number): string {
    const name = `layer${this.#count++}`;
    const weights = this.weight(`${name}.weight`, [inChannels, outChannels, 2, 2], Math.sqrt(6 / inChannels));
    const bias = this.weight(`${name}.bias`, [outChannels], 0.1);
    return this.#graph.node('ConvTranspose', [x, weights, bias], { kernel_shape: [2, 2], strides: [2, 2] });
  }

  /** @param pad on each side */
  pool(kind: 'MaxPool' | 'AveragePool', x: string, kernel: number, stride: number, pad = 0): string {
    return this.#graph.node(kind, [x], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  }

  /** Fully connected, over `[batch, inputs]`. */
  dense(x: string, inputs: number, units: number, outputs?: readonly string[]): string {
    const name = `dense${this.#count++}`;
    const weights = this.weight(`${name}.weight`, [units, inputs], Math.sqrt(3 / inputs));
    const bias = this.weight(`${name}.bias`, [units], 0.1);
    return this.#graph.node('Gemm', [x, weights, bias], { transB: 1 }, outputs ? { outputs } : {});
  }

  /** Global average, then one fully connected layer into `output`. */
  classifier(x: string, inChannels: number, classes: number, output: string): void {
    const pooled = this.#graph.node('Flatten', [this.#graph.node('GlobalAveragePool', [x])]);
    const weights = this.weight('classifier.weight', [classes, inChannels], Math.sqrt(3 / inChannels));
    const bias = this.weight('classifier.bias', [classes], 0.1);
    this.#graph.node('Gemm', [pooled, weights, bias], { transB: 1 }, { outputs: [output] });
  }

  activate(x: string, activation: Activation): string {
    if (activation === 'none') return x;
    if (activation === 'relu') return this.#graph.node('Relu', [x]);
    if (activation === 'silu') return this.#graph.node('Mul', [x, this.#graph.node('Sigmoid', [x])]);
    if (!this.#hasLimits) {
      this.#graph.initializer('relu6.least', scalar(0));
      this.#graph.initializer('relu6.most', scalar(6));
      this.#hasLimits = true;
    }
    return this.#graph.node('Clip', [x, 'relu6.least', 'relu6.most']);
  }

  weight(name: string, dims: readonly number[], spread: number, centre = 0): string {
    return this.#graph.initializer(name, randomTensor(this.#next, dims, { spread, centre }));
  }

  #conv(name: string, x: string, shape: ConvShape, bias?: string): string {
    const { inChannels, outChannels, stride, groups = 1 } = shape;
    const [height, width] = pair(shape.kernel);
    const [top, left] = pair(shape.pad ?? [height >> 1, width >> 1]);
    const fanIn = inChannels / groups;
    const spread = Math.sqrt(6 / (fanIn * height * width));
    const weights = this.weight(`${name}.weight`, [outChannels, fanIn, height, width], spread);
    return this.#graph.node('Conv', bias ? [x, weights, bias] : [x, weights], {
      kernel_shape: [height, width],
      strides: [stride, stride],
      pads: [top, left, top, left],
      ...(groups > 1 && { group: groups }),
    });
  }

  #norm(name: string, x: string, channels: number): string {
    const scale = this.weight(`${name}.scale`, [channels], 0.2, 0.8);
    const shift = this.weight(`${name}.shift`, [channels], 0.1);
    const mean = this.weight(`${name}.mean`, [channels], 0.1);
    const variance = this.weight(`${name}.variance`, [channels], 0.2, 1);
    return this.#graph.node('BatchNormalization', [x, scale, shift, mean, variance], {
      epsilon: { float: 1e-5 },
    });
  }
}

/** Channels at a share of the full width: whole groups of eight, and at least one. */
export function scaled(channels: number, scale: number): number {
  return Math.max(8, Math.round((channels * scale) / 8) * 8);
}

function pair(extent: Extent): readonly [number, number] {
  return typeof extent === 'number' ? [extent, extent] : extent;
}

function scalar(value: number): Tensor {
  return { type: 'float32', data: Float32Array.of(value), dims: [] };
}

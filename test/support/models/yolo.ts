/** A one-stage detector in the manner of YOLOv8: backbone, a neck that goes up and down again, three outputs. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { type Architecture, type ArchitectureOptions, pictures, sideAt } from './architecture.ts';
import { ConvLayers, scaled } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';

/** Channels after each halving of the picture, and the blocks that follow it. */
const STAGES = [
  [32, 1],
  [64, 2],
  [128, 2],
  [256, 1],
] as const;
/** Four box sides and eighty classes for each place. */
const PREDICTED = 84;

const sideOf = (scale: number) => sideAt(scale, 320, 128);

export const yolo: Architecture = {
  name: 'YOLO with a neck',
  make: makeYolo,
  inputs: (scale) => pictures(sideOf(scale)),
  fullMegabytes: 12,
  smallScale: 1 / 2,
};

function makeYolo({ scale, seed = 27 }: ArchitectureOptions): Uint8Array {
  const graph = new GraphBuilder('yolo');
  graph.input('input', 'float32', ['batch', 3, sideOf(scale), sideOf(scale)]);
  for (const size of ['large', 'medium', 'small']) graph.output(size);
  new Detector(graph, randomNumbers(seed), scale).build('input');
  return graph.toBytes();
}

interface Value {
  readonly name: string;
  readonly channels: number;
}

class Detector {
  readonly #graph: GraphBuilder;
  readonly #layers: ConvLayers;
  readonly #scale: number;

  constructor(graph: GraphBuilder, next: () => number, scale: number) {
    this.#graph = graph;
    this.#layers = new ConvLayers(graph, next);
    this.#scale = scale;
    const twice = { type: 'float32', data: Float32Array.of(1, 1, 2, 2), dims: [4] } as const;
    graph.initializer('twice', twice);
  }

  build(input: string): void {
    let x: Value = this.#down({ name: input, channels: 3 }, 16);
    const levels: Value[] = [];
    for (const [channels, blocks] of STAGES) {
      x = this.#stage(this.#down(x, channels), blocks);
      levels.push(x);
    }
    const [, fine, middle] = levels;
    if (!fine || !middle) throw new Error('a detector has three levels');
    const deep = this.#pyramid(x);
    const up = this.#stage(this.#concat(this.#twice(deep), middle), 1, 128);
    const finest = this.#stage(this.#concat(this.#twice(up), fine), 1, 64);
    const down = this.#stage(this.#concat(this.#down(finest, 64), up), 1, 128);
    const coarsest = this.#stage(this.#concat(this.#down(down, 128), deep), 1, 256);
    this.#predict(finest, 'small');
    this.#predict(down, 'medium');
    this.#predict(coarsest, 'large');
  }

  #conv(x: Value, channels: number, kernel: number, stride = 1): Value {
    const outChannels = scaled(channels, this.#scale);
    const shape = { inChannels: x.channels, outChannels, kernel, stride };
    return { name: this.#layers.convNorm(x.name, shape, 'silu'), channels: outChannels };
  }

  #down(x: Value, channels: number): Value {
    return this.#conv(x, channels, 3, 2);
  }

  /** Two halves; one goes through blocks, and all that they made is put together again. */
  #stage(x: Value, blocks: number, channels = x.channels / this.#scale): Value {
    const { name, channels: width } = this.#conv(x, channels, 1);
    const halves = [0, 1].map((half) => `${name}/half${half}`);
    this.#graph.node('Split', [name], { axis: 1 }, { outputs: halves });
    const parts: Value[] = halves.map((half) => ({ name: half, channels: width / 2 }));
    for (let block = 0; block < blocks; block++) {
      const before = parts.at(-1) ?? x;
      const inner = this.#same(this.#same(before));
      parts.push({ ...inner, name: this.#graph.node('Add', [before.name, inner.name]) });
    }
    return this.#conv(this.#concat(...parts), channels, 1);
  }

  #same(x: Value): Value {
    const shape = { inChannels: x.channels, outChannels: x.channels, kernel: 3, stride: 1 };
    return { ...x, name: this.#layers.convNorm(x.name, shape, 'silu') };
  }

  /** The same place seen at four sizes. */
  #pyramid(x: Value): Value {
    const views = [this.#conv(x, 128, 1)];
    for (let i = 0; i < 3; i++) {
      const last = views.at(-1) ?? x;
      views.push({ ...last, name: this.#layers.pool('MaxPool', last.name, 5, 1, 2) });
    }
    return this.#conv(this.#concat(...views), 256, 1);
  }

  #twice(x: Value): Value {
    const attributes = {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    };
    return { ...x, name: this.#graph.node('Resize', [x.name, '', 'twice'], attributes) };
  }

  #concat(...values: readonly Value[]): Value {
    const channels = values.reduce((sum, value) => sum + value.channels, 0);
    const names = values.map(({ name }) => name);
    return { name: this.#graph.node('Concat', names, { axis: 1 }), channels };
  }

  #predict(x: Value, output: string): void {
    const shape = { inChannels: x.channels, outChannels: PREDICTED, kernel: 1, stride: 1 };
    const raw = this.#layers.convBias(this.#same(x).name, shape, 'none');
    this.#graph.node('Sigmoid', [raw], {}, { outputs: [output] });
  }
}

/** InceptionV3: branches of factorised convolutions; pictures into 1000 classes, any batch. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { type Architecture, type ArchitectureOptions, pictures, sideAt } from './architecture.ts';
import { ConvLayers, type Extent, scaled } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';

const sideOf = (scale: number) => sideAt(scale, 299, 139);

export const inceptionV3: Architecture = {
  name: 'InceptionV3',
  make: makeInceptionV3,
  inputs: (scale) => pictures(sideOf(scale)),
  fullMegabytes: 95,
  smallScale: 1 / 8,
};

function makeInceptionV3({ scale, seed = 25 }: ArchitectureOptions): Uint8Array {
  const graph = new GraphBuilder('inceptionv3');
  graph.input('input', 'float32', ['batch', 3, sideOf(scale), sideOf(scale)]);
  graph.output('output', 'float32', ['batch', 1000]);
  const layers = new ConvLayers(graph, randomNumbers(seed));
  const blocks = new InceptionBlocks(graph, layers, scale);
  let x = blocks.stem({ name: 'input', channels: 3 });
  for (const pooled of [32, 64, 64]) x = blocks.small(x, pooled);
  x = blocks.firstReduction(x);
  for (const width of [128, 160, 160, 192]) x = blocks.factorised(x, width);
  x = blocks.secondReduction(x);
  for (let i = 0; i < 2; i++) x = blocks.wide(x);
  layers.classifier(x.name, x.channels, 1000, 'output');
  return graph.toBytes();
}

interface Value {
  readonly name: string;
  readonly channels: number;
}

/** Channels out (before scaling), kernel, and where they are not the usual ones, stride and padding. */
type Step = readonly [channels: number, kernel: Extent, stride?: number, pad?: Extent];

class InceptionBlocks {
  readonly #graph: GraphBuilder;
  readonly #layers: ConvLayers;
  readonly #scale: number;

  constructor(graph: GraphBuilder, layers: ConvLayers, scale: number) {
    this.#graph = graph;
    this.#layers = layers;
    this.#scale = scale;
  }

  stem(x: Value): Value {
    const first = this.#branch(x, [32, 3, 2, 0], [32, 3, 1, 0], [64, 3]);
    const second = this.#branch(this.#maxPool(first), [80, 1], [192, 3, 1, 0]);
    return this.#maxPool(second);
  }

  small(x: Value, pooled: number): Value {
    return this.#concat(
      this.#branch(x, [64, 1]),
      this.#branch(x, [48, 1], [64, 5]),
      this.#branch(x, [64, 1], [96, 3], [96, 3]),
      this.#pooled(x, pooled),
    );
  }

  firstReduction(x: Value): Value {
    const narrow = this.#branch(x, [64, 1], [96, 3], [96, 3, 2, 0]);
    return this.#concat(this.#branch(x, [384, 3, 2, 0]), narrow, this.#maxPool(x));
  }

  factorised(x: Value, width: number): Value {
    const [row, column] = [[1, 7] as const, [7, 1] as const];
    return this.#concat(
      this.#branch(x, [192, 1]),
      this.#branch(x, [width, 1], [width, row], [192, column]),
      this.#branch(x, [width, 1], [width, column], [width, row], [width, column], [192, row]),
      this.#pooled(x, 192),
    );
  }

  secondReduction(x: Value): Value {
    const long = this.#branch(x, [192, 1], [192, [1, 7]], [192, [7, 1]], [192, 3, 2, 0]);
    return this.#concat(this.#branch(x, [192, 1], [320, 3, 2, 0]), long, this.#maxPool(x));
  }

  wide(x: Value): Value {
    const short = this.#branch(x, [384, 1]);
    const long = this.#branch(x, [448, 1], [384, 3]);
    const forks = [short, long].flatMap((fork) => [
      this.#branch(fork, [384, [1, 3]]),
      this.#branch(fork, [384, [3, 1]]),
    ]);
    return this.#concat(this.#branch(x, [320, 1]), ...forks, this.#pooled(x, 192));
  }

  #branch(x: Value, ...steps: readonly Step[]): Value {
    let { name, channels } = x;
    for (const [wanted, kernel, stride = 1, pad] of steps) {
      const outChannels = scaled(wanted, this.#scale);
      const shape = { inChannels: channels, outChannels, kernel, stride };
      name = this.#layers.convNorm(name, pad === undefined ? shape : { ...shape, pad });
      channels = outChannels;
    }
    return { name, channels };
  }

  #pooled(x: Value, channels: number): Value {
    const average = { ...x, name: this.#layers.pool('AveragePool', x.name, 3, 1, 1) };
    return this.#branch(average, [channels, 1]);
  }

  #maxPool(x: Value): Value {
    return { ...x, name: this.#layers.pool('MaxPool', x.name, 3, 2) };
  }

  #concat(...values: readonly Value[]): Value {
    const names = values.map(({ name }) => name);
    const channels = values.reduce((sum, value) => sum + value.channels, 0);
    return { name: this.#graph.node('Concat', names, { axis: 1 }), channels };
  }
}

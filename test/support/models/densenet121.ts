/** DenseNet-121: every layer reads all layers before it; pictures into 1000 classes, any batch. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { type Architecture, type ArchitectureOptions, pictures, sideAt } from './architecture.ts';
import { ConvLayers, scaled } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';

const LAYERS_OF_BLOCKS = [6, 12, 24, 16] as const;
const GROWTH = 32;

const sideOf = (scale: number) => sideAt(scale, 224, 96);

export const densenet121: Architecture = {
  name: 'DenseNet-121',
  make: makeDensenet121,
  inputs: (scale) => pictures(sideOf(scale)),
  fullMegabytes: 32,
  smallScale: 1 / 4,
};

function makeDensenet121({ scale, seed = 26 }: ArchitectureOptions): Uint8Array {
  const graph = new GraphBuilder('densenet121');
  const layers = new ConvLayers(graph, randomNumbers(seed));
  graph.input('input', 'float32', ['batch', 3, sideOf(scale), sideOf(scale)]);
  graph.output('output', 'float32', ['batch', 1000]);
  let channels = scaled(64, scale);
  let x = layers.convNorm('input', { inChannels: 3, outChannels: channels, kernel: 7, stride: 2 });
  x = layers.pool('MaxPool', x, 3, 2, 1);
  for (const [index, count] of LAYERS_OF_BLOCKS.entries()) {
    if (index > 0) {
      const half = scaled(channels / 2, 1);
      x = transition(layers, x, channels, half);
      channels = half;
    }
    for (let layer = 0; layer < count; layer++) {
      x = denseLayer(graph, layers, x, channels, scaled(GROWTH, scale));
      channels += scaled(GROWTH, scale);
    }
  }
  layers.classifier(layers.normActivate(x, channels), channels, 1000, 'output');
  return graph.toBytes();
}

function denseLayer(
  graph: GraphBuilder,
  layers: ConvLayers,
  x: string,
  channels: number,
  growth: number,
): string {
  const narrow = layers.convNorm(layers.normActivate(x, channels), {
    inChannels: channels,
    outChannels: growth * 4,
    kernel: 1,
    stride: 1,
  });
  const added = layers.convBias(
    narrow,
    { inChannels: growth * 4, outChannels: growth, kernel: 3, stride: 1 },
    'none',
  );
  return graph.node('Concat', [x, added], { axis: 1 });
}

function transition(layers: ConvLayers, x: string, inChannels: number, outChannels: number): string {
  const shape = { inChannels, outChannels, kernel: 1, stride: 1 };
  return layers.pool('AveragePool', layers.convBias(layers.normActivate(x, inChannels), shape, 'none'), 2, 2);
}

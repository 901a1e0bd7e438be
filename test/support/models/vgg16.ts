/** VGG-16: 224x224 pictures into 1000 classes, any batch; 553 MB at full width, most of it in one matrix. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { type Architecture, type ArchitectureOptions, pictures } from './architecture.ts';
import { ConvLayers, scaled } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';

/** Channels of the convolutions before each pooling. */
const STAGES = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
] as const;

export const vgg16: Architecture = {
  name: 'VGG-16',
  make: makeVgg16,
  inputs: () => pictures(224),
  fullMegabytes: 553,
  smallScale: 1 / 8,
};

function makeVgg16({ scale, seed = 22 }: ArchitectureOptions): Uint8Array {
  const graph = new GraphBuilder('vgg16');
  const layers = new ConvLayers(graph, randomNumbers(seed));
  let x = graph.input('input', 'float32', ['batch', 3, 224, 224]);
  graph.output('output', 'float32', ['batch', 1000]);
  let inChannels = 3;
  for (const stage of STAGES) {
    for (const channels of stage) {
      const outChannels = scaled(channels, scale);
      x = layers.convBias(x, { inChannels, outChannels, kernel: 3, stride: 1 });
      inChannels = outChannels;
    }
    x = layers.pool('MaxPool', x, 2, 2);
  }
  x = graph.node('Flatten', [x]);
  const units = scaled(4096, scale);
  x = graph.node('Relu', [layers.dense(x, inChannels * 49, units)]);
  x = graph.node('Relu', [layers.dense(x, units, units)]);
  layers.dense(x, units, 1000, ['output']);
  return graph.toBytes();
}

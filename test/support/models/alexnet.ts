/** AlexNet as torchvision has it: 224x224 pictures into 1000 classes, any batch. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { type Architecture, type ArchitectureOptions, pictures } from './architecture.ts';
import { ConvLayers, scaled } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';

/** Channels out, kernel, stride, padding, and whether a pooling follows. */
const CONVOLUTIONS = [
  [64, 11, 4, 2, true],
  [192, 5, 1, 2, true],
  [384, 3, 1, 1, false],
  [256, 3, 1, 1, false],
  [256, 3, 1, 1, true],
] as const;

export const alexnet: Architecture = {
  name: 'AlexNet',
  make: makeAlexnet,
  inputs: () => pictures(224),
  fullMegabytes: 244,
  smallScale: 1 / 8,
};

function makeAlexnet({ scale, seed = 21 }: ArchitectureOptions): Uint8Array {
  const graph = new GraphBuilder('alexnet');
  const layers = new ConvLayers(graph, randomNumbers(seed));
  let x = graph.input('input', 'float32', ['batch', 3, 224, 224]);
  graph.output('output', 'float32', ['batch', 1000]);
  let inChannels = 3;
  for (const [channels, kernel, stride, pad, hasPool] of CONVOLUTIONS) {
    const outChannels = scaled(channels, scale);
    x = layers.convBias(x, { inChannels, outChannels, kernel, stride, pad });
    if (hasPool) x = layers.pool('MaxPool', x, 3, 2);
    inChannels = outChannels;
  }
  x = graph.node('Flatten', [x]);
  const units = scaled(4096, scale);
  x = graph.node('Relu', [layers.dense(x, inChannels * 36, units)]);
  x = graph.node('Relu', [layers.dense(x, units, units)]);
  layers.dense(x, units, 1000, ['output']);
  return graph.toBytes();
}

/** ResNet-18: 224x224 pictures into 1000 classes, any batch. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { type Architecture, type ArchitectureOptions, pictures } from './architecture.ts';
import { ConvLayers, scaled } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';

export const resnet18: Architecture = {
  name: 'ResNet-18',
  make: makeResnet18,
  inputs: () => pictures(224),
  fullMegabytes: 47,
  smallScale: 1 / 4,
};

function makeResnet18({ scale, seed = 23 }: ArchitectureOptions): Uint8Array {
  const graph = new GraphBuilder('resnet18');
  const layers = new ConvLayers(graph, randomNumbers(seed));
  let x = graph.input('input', 'float32', ['batch', 3, 224, 224]);
  graph.output('output', 'float32', ['batch', 1000]);
  let inChannels = scaled(64, scale);
  x = layers.convNorm(x, { inChannels: 3, outChannels: inChannels, kernel: 7, stride: 2 });
  x = layers.pool('MaxPool', x, 3, 2, 1);
  for (const [stage, width] of [64, 128, 256, 512].entries()) {
    for (const stride of [stage > 0 ? 2 : 1, 1]) {
      const outChannels = scaled(width, scale);
      x = basicBlock(graph, layers, x, { inChannels, outChannels, stride });
      inChannels = outChannels;
    }
  }
  layers.classifier(x, inChannels, 1000, 'output');
  return graph.toBytes();
}

interface Block {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: number;
}

function basicBlock(graph: GraphBuilder, layers: ConvLayers, x: string, block: Block): string {
  const { inChannels, outChannels, stride } = block;
  const isSame = inChannels === outChannels && stride === 1;
  const shortcut = isSame ? x : layers.convNorm(x, { ...block, kernel: 1 }, 'none');
  const y = layers.convNorm(x, { ...block, kernel: 3 });
  const z = layers.convNorm(y, { inChannels: outChannels, outChannels, kernel: 3, stride: 1 }, 'none');
  return graph.node('Relu', [graph.node('Add', [z, shortcut])]);
}

/** MobileNetV2: inverted residuals with depthwise convolutions; pictures into 1000 classes, any batch. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { type Architecture, type ArchitectureOptions, pictures, sideAt } from './architecture.ts';
import { ConvLayers, scaled } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';

/** Expansion, channels out, blocks, stride of the first. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

const sideOf = (scale: number) => sideAt(scale, 224, 96);

export const mobilenetV2: Architecture = {
  name: 'MobileNetV2',
  make: makeMobilenetV2,
  inputs: (scale) => pictures(sideOf(scale)),
  fullMegabytes: 14,
  smallScale: 1 / 2,
};

function makeMobilenetV2({ scale, seed = 24 }: ArchitectureOptions): Uint8Array {
  const graph = new GraphBuilder('mobilenetv2');
  const layers = new ConvLayers(graph, randomNumbers(seed));
  let x = graph.input('input', 'float32', ['batch', 3, sideOf(scale), sideOf(scale)]);
  graph.output('output', 'float32', ['batch', 1000]);
  let inChannels = scaled(32, scale);
  x = layers.convNorm(x, { inChannels: 3, outChannels: inChannels, kernel: 3, stride: 2 }, 'relu6');
  for (const [expansion, channels, blocks, firstStride] of STAGES) {
    const outChannels = scaled(channels, scale);
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 ? firstStride : 1;
      x = invertedResidual(graph, layers, x, { inChannels, outChannels, stride, expansion });
      inChannels = outChannels;
    }
  }
  const wide = scaled(1280, scale);
  x = layers.convNorm(x, { inChannels, outChannels: wide, kernel: 1, stride: 1 }, 'relu6');
  layers.classifier(x, wide, 1000, 'output');
  return graph.toBytes();
}

interface Block {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: number;
  readonly expansion: number;
}

function invertedResidual(graph: GraphBuilder, layers: ConvLayers, x: string, block: Block): string {
  const { inChannels, outChannels, stride, expansion } = block;
  const wide = inChannels * expansion;
  const expanded =
    expansion === 1
      ? x
      : layers.convNorm(x, { inChannels, outChannels: wide, kernel: 1, stride: 1 }, 'relu6');
  const depthwise = { inChannels: wide, outChannels: wide, kernel: 3, stride, groups: wide };
  const y = layers.convNorm(expanded, depthwise, 'relu6');
  const z = layers.convNorm(y, { inChannels: wide, outChannels, kernel: 1, stride: 1 }, 'none');
  return stride === 1 && inChannels === outChannels ? graph.node('Add', [x, z]) : z;
}

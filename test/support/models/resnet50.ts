/** ResNet-50 with random weights: 102 MB, 3x224x224 pictures into 1000 classes, any batch. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { ConvLayers, scaled } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';

/** Blocks of each stage and the channels inside them. */
const STAGES = [
  [3, 64],
  [4, 128],
  [6, 256],
  [3, 512],
] as const;

/** @param options.scale share of the real width, above 0 to 1 */
export function resnet50({ seed = 7, scale = 1 } = {}): Uint8Array {
  const graph = new GraphBuilder('resnet50');
  const layers = new ConvLayers(graph, randomNumbers(seed));
  graph.input('input', 'float32', ['batch', 3, 224, 224]);
  graph.output('output', 'float32', ['batch', 1000]);
  let inChannels = scaled(64, scale);
  let x = layers.convNorm('input', { inChannels: 3, outChannels: inChannels, kernel: 7, stride: 2 });
  x = graph.node('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  for (const [stage, [blocks, fullWidth]] of STAGES.entries()) {
    const width = scaled(fullWidth, scale);
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      x = bottleneck(graph, layers, x, { inChannels, width, stride });
      inChannels = width * 4;
    }
  }
  layers.classifier(x, inChannels, 1000, 'output');
  return graph.toBytes();
}

interface Block {
  readonly inChannels: number;
  readonly width: number;
  readonly stride: number;
}

function bottleneck(
  graph: GraphBuilder,
  layers: ConvLayers,
  x: string,
  { inChannels, width, stride }: Block,
): string {
  const wide = width * 4;
  const shortcut =
    inChannels === wide && stride === 1
      ? x
      : layers.convNorm(x, { inChannels, outChannels: wide, kernel: 1, stride }, 'none');
  let y = layers.convNorm(x, { inChannels, outChannels: width, kernel: 1, stride: 1 });
  y = layers.convNorm(y, { inChannels: width, outChannels: width, kernel: 3, stride });
  y = layers.convNorm(y, { inChannels: width, outChannels: wide, kernel: 1, stride: 1 }, 'none');
  return graph.node('Relu', [graph.node('Add', [y, shortcut])]);
}

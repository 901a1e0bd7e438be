/** U-Net: down, up, and a bridge at every level; pictures into a mask of the same size, any batch. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { type Architecture, type ArchitectureOptions, pictures } from './architecture.ts';
import { ConvLayers, scaled } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';

const WIDTHS = [64, 128, 256, 512] as const;
const BOTTOM = 1024;

export const unet: Architecture = {
  name: 'U-Net',
  make: makeUnet,
  inputs: () => pictures(128),
  fullMegabytes: 124,
  smallScale: 1 / 8,
};

function makeUnet({ scale, seed = 28 }: ArchitectureOptions): Uint8Array {
  const graph = new GraphBuilder('unet');
  const layers = new ConvLayers(graph, randomNumbers(seed));
  graph.input('input', 'float32', ['batch', 3, 128, 128]);
  graph.output('mask', 'float32', ['batch', 2, 128, 128]);
  const bridges: { readonly name: string; readonly channels: number }[] = [];
  let [x, inChannels] = ['input', 3];
  for (const width of WIDTHS) {
    const channels = scaled(width, scale);
    const level = twoConvs(layers, x, inChannels, channels);
    bridges.push({ name: level, channels });
    [x, inChannels] = [layers.pool('MaxPool', level, 2, 2), channels];
  }
  x = twoConvs(layers, x, inChannels, scaled(BOTTOM, scale));
  inChannels = scaled(BOTTOM, scale);
  for (const { name, channels } of bridges.reverse()) {
    const joined = graph.node('Concat', [name, layers.upConv(x, inChannels, channels)], { axis: 1 });
    x = twoConvs(layers, joined, channels * 2, channels);
    inChannels = channels;
  }
  const logits = layers.convBias(x, { inChannels, outChannels: 2, kernel: 1, stride: 1 }, 'none');
  graph.node('Softmax', [logits], { axis: 1 }, { outputs: ['mask'] });
  return graph.toBytes();
}

function twoConvs(layers: ConvLayers, x: string, inChannels: number, outChannels: number): string {
  const y = layers.convNorm(x, { inChannels, outChannels, kernel: 3, stride: 1 });
  return layers.convNorm(y, { inChannels: outChannels, outChannels, kernel: 3, stride: 1 });
}

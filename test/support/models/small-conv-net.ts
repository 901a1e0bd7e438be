/** A residual net of some kilobytes for fast tests: 3x32x32 pictures into ten classes, any batch. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { ConvLayers } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';

export function smallConvNet({ seed = 3, blocks = 3, input = 'input' } = {}): Uint8Array {
  const graph = new GraphBuilder('small-conv-net');
  const layers = new ConvLayers(graph, randomNumbers(seed));
  graph.input(input, 'float32', ['batch', 3, 32, 32]);
  graph.output('output', 'float32', ['batch', 10]);
  const same = { inChannels: 8, outChannels: 8, kernel: 3, stride: 1 };
  let x = layers.convNorm(input, { ...same, inChannels: 3, stride: 2 });
  for (let block = 0; block < blocks; block++) {
    const y = layers.convNorm(layers.convNorm(x, same), same, 'none');
    x = graph.node('Relu', [graph.node('Add', [y, x])]);
    if (block % 2 === 0) x = graph.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
  }
  layers.classifier(x, 8, 10, 'output');
  return graph.toBytes();
}

/** ViT-B/16: pictures as sixteen-pixel patches through a transformer into 1000 classes, any batch. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { type Architecture, type ArchitectureOptions, pictures } from './architecture.ts';
import { randomNumbers, randomTensor } from './random-weights.ts';
import { int64, TransformerLayers } from './transformer-layers.ts';
import { transformerSize } from './transformer-size.ts';

const PATCH = 16;
const SIDE = 224;
const PATCHES = (SIDE / PATCH) ** 2;

export const vit: Architecture = {
  name: 'ViT-B/16',
  make: makeVit,
  inputs: () => pictures(SIDE),
  fullMegabytes: 346,
  smallScale: 1 / 12,
};

function makeVit({ scale, seed = 30 }: ArchitectureOptions): Uint8Array {
  const { blocks, width, heads } = transformerSize(scale);
  const next = randomNumbers(seed);
  const graph = new GraphBuilder('vit');
  const layers = new TransformerLayers(graph, next, { width, heads });
  graph.input('input', 'float32', ['batch', 3, SIDE, SIDE]);
  graph.output('output', 'float32', ['batch', 1000]);
  const tokens = graph.node(
    'Concat',
    [classToken(graph, layers, width), patches(graph, layers, next, width)],
    {
      axis: 1,
    },
  );
  let x = graph.node('Add', [tokens, layers.weight([1, PATCHES + 1, width], 0.5)]);
  for (let block = 0; block < blocks; block++) {
    x = graph.node('Add', [x, layers.attention(layers.norm(x))]);
    x = graph.node('Add', [x, layers.feedForward(layers.norm(x))]);
  }
  graph.initializer('first-token', int64([0], []));
  const first = graph.node('Gather', [layers.norm(x), 'first-token'], { axis: 1 });
  layers.dense(first, width, 1000, ['output']);
  return graph.toBytes();
}

/** `[batch, patches, width]` from the picture. */
function patches(graph: GraphBuilder, layers: TransformerLayers, next: () => number, width: number): string {
  const spread = Math.sqrt(3 / (3 * PATCH * PATCH));
  graph.initializer('patch.weight', randomTensor(next, [width, 3, PATCH, PATCH], { spread }));
  graph.initializer('patch-shape', int64([0, width, PATCHES]));
  const bias = layers.weight([width], 0.1);
  const square = graph.node('Conv', ['input', 'patch.weight', bias], {
    kernel_shape: [PATCH, PATCH],
    strides: [PATCH, PATCH],
  });
  return graph.node('Transpose', [graph.node('Reshape', [square, 'patch-shape'])], { perm: [0, 2, 1] });
}

/** One learnt token for each row of the batch: `[batch, 1, width]`. */
function classToken(graph: GraphBuilder, layers: TransformerLayers, width: number): string {
  graph.initializer('batch-axis', int64([0]));
  graph.initializer('token-dims', int64([1, width]));
  const batch = graph.node('Gather', [graph.node('Shape', ['input']), 'batch-axis']);
  const shape = graph.node('Concat', [batch, 'token-dims'], { axis: 0 });
  return graph.node('Expand', [layers.weight([1, 1, width], 1), shape]);
}

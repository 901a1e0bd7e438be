/** Pre-norm transformer blocks with random weights over float32 [batch, seq, width]. Small unless asked otherwise. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { randomNumbers } from './random-weights.ts';
import { TransformerLayers } from './transformer-layers.ts';

export interface TransformerOptions {
  /** @default 2 */
  readonly blocks?: number;
  /** Divisible by `heads`. @default 32 */
  readonly width?: number;
  /** @default 4 */
  readonly heads?: number;
  readonly seed?: number;
}

export function transformer({
  blocks = 2,
  width = 32,
  heads = 4,
  seed = 11,
}: TransformerOptions = {}): Uint8Array {
  const graph = new GraphBuilder('transformer');
  const layers = new TransformerLayers(graph, randomNumbers(seed), { width, heads });
  graph.input('input', 'float32', ['batch', 'seq', width]);
  graph.output('output', 'float32', ['batch', 'seq', width]);
  let x = 'input';
  for (let block = 0; block < blocks; block++) {
    x = graph.node('Add', [x, layers.attention(layers.norm(x))]);
    x = graph.node('Add', [x, layers.feedForward(layers.norm(x))]);
  }
  layers.norm(x, ['output']);
  return graph.toBytes();
}

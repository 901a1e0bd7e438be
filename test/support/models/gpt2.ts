/** GPT-2 with a key/value cache: new token ids and the cache of earlier ones in, logits and the longer cache out. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import type { Architecture, ArchitectureInput, ArchitectureOptions } from './architecture.ts';
import { randomNumbers } from './random-weights.ts';
import { int64, scalar, TransformerLayers } from './transformer-layers.ts';
import { transformerSize } from './transformer-size.ts';

const PLACES = 1024;
const NEW = 8;
const PAST = 24;
const vocabulary = (scale: number) => Math.round(50257 * scale);
const sizeOf = (scale: number) => transformerSize(scale);

export const gpt2: Architecture = {
  name: 'GPT-2 with cache',
  make: makeGpt2,
  inputs: gpt2Inputs,
  fullMegabytes: 653,
  smallScale: 1 / 12,
};

function gpt2Inputs(scale: number): Readonly<Record<string, ArchitectureInput>> {
  const { blocks, heads, width } = sizeOf(scale);
  const inputs: Record<string, ArchitectureInput> = {
    input_ids: { type: 'int64', shape: ['batch', NEW], below: vocabulary(scale) },
  };
  for (let block = 0; block < blocks; block++) {
    for (const part of ['key', 'value'])
      inputs[`past.${block}.${part}`] = { type: 'float32', shape: ['batch', heads, PAST, width / heads] };
  }
  return inputs;
}

function makeGpt2({ scale, seed = 31 }: ArchitectureOptions): Uint8Array {
  const { blocks, heads, width } = sizeOf(scale);
  const graph = new GraphBuilder('gpt2');
  const layers = new TransformerLayers(graph, randomNumbers(seed), { width, heads, gelu: 'tanh' });
  graph.input('input_ids', 'int64', ['batch', 'new']);
  graph.output('logits', 'float32', ['batch', 'new', vocabulary(scale)]);
  const caches = Array.from({ length: blocks }, (_, block) => declareCache(graph, block, heads, width));
  const { first, until } = places(graph);
  const word = graph.node('Gather', [layers.weight([vocabulary(scale), width], 1), 'input_ids']);
  const place = graph.node('Slice', [layers.weight([PLACES, width], 0.5), first, until, 'row-axis']);
  const mask = causalMask(graph, first, until);
  let x = graph.node('Add', [word, place]);
  for (const cache of caches) {
    x = graph.node('Add', [x, layers.attention(layers.norm(x), { mask, cache })]);
    x = graph.node('Add', [x, layers.feedForward(layers.norm(x))]);
  }
  const vocabularyWeights = layers.weight([width, vocabulary(scale)], Math.sqrt(3 / width));
  graph.node('MatMul', [layers.norm(x), vocabularyWeights], {}, { outputs: ['logits'] });
  return graph.toBytes();
}

function declareCache(graph: GraphBuilder, block: number, heads: number, width: number) {
  const named = (stem: string): [string, string] => [`${stem}.${block}.key`, `${stem}.${block}.value`];
  const [past, present] = [named('past'), named('present')];
  for (const name of past) graph.input(name, 'float32', ['batch', heads, 'past', width / heads]);
  for (const name of present) graph.output(name, 'float32', ['batch', heads, 'all', width / heads]);
  return { past, present };
}

/** Where the new tokens begin and end: after the cached ones. */
function places(graph: GraphBuilder): { readonly first: string; readonly until: string } {
  graph.initializer('row-axis', int64([0]));
  graph.initializer('third-axis', int64([2]));
  graph.initializer('second-axis', int64([1]));
  const first = graph.node('Gather', [graph.node('Shape', ['past.0.key']), 'third-axis']);
  const added = graph.node('Gather', [graph.node('Shape', ['input_ids']), 'second-axis']);
  return { first, until: graph.node('Add', [first, added]) };
}

/** Far below zero where a token would see a later one: rows `first` to `until` of a triangle, `[new, all]`. */
function causalMask(graph: GraphBuilder, first: string, until: string): string {
  const sees = new Uint8Array(PLACES * PLACES);
  for (let row = 0; row < PLACES; row++) sees.fill(1, row * PLACES, row * PLACES + row + 1);
  graph.initializer('triangle', { type: 'bool', data: sees, dims: [PLACES, PLACES] });
  graph.initializer('seen', scalar(0));
  graph.initializer('unseen', scalar(-10000));
  const rows = graph.node('Slice', ['triangle', first, until, 'row-axis']);
  const square = graph.node('Slice', [rows, 'row-axis', until, 'second-axis']);
  return graph.node('Where', [square, 'seen', 'unseen']);
}

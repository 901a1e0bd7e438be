/** BERT: token ids in, hidden states and a pooled vector out; any batch, up to 128 tokens. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import type { Architecture, ArchitectureOptions } from './architecture.ts';
import { randomNumbers } from './random-weights.ts';
import { int64, scalar, TransformerLayers } from './transformer-layers.ts';
import { transformerSize } from './transformer-size.ts';

const TOKENS = 128;
const KINDS = 2;
const vocabulary = (scale: number) => Math.round(30522 * scale);

interface BertStyle {
  /** See TransformerStyle. */
  readonly norm: 'node' | 'spelt';
  /** Any number of tokens, or always 128. */
  readonly tokens: 'any' | 'fixed';
}

/** With LayerNormalization as one node, and any number of tokens, as newer exporters write it. */
export const bert: Architecture = bertWith('BERT-base', { norm: 'node', tokens: 'any' });
/** With the norm spelt out in nine nodes, and 128 tokens: ONNX Runtime fuses more of this one. */
export const bertSpelt: Architecture = bertWith('BERT-base, norms spelt out', {
  norm: 'spelt',
  tokens: 'fixed',
});

function bertWith(name: string, style: BertStyle): Architecture {
  return {
    name,
    make: (options) => makeBert(options, style),
    inputs: (scale) => ({
      input_ids: { type: 'int64', shape: ['batch', TOKENS], below: vocabulary(scale) },
      attention_mask: { type: 'int64', shape: ['batch', TOKENS], below: 2 },
      token_type_ids: { type: 'int64', shape: ['batch', TOKENS], below: KINDS },
    }),
    fullMegabytes: 438,
    smallScale: 1 / 12,
  };
}

function makeBert({ scale, seed = 29 }: ArchitectureOptions, { norm, tokens }: BertStyle): Uint8Array {
  const { blocks, width, heads } = transformerSize(scale);
  const graph = new GraphBuilder('bert');
  const layers = new TransformerLayers(graph, randomNumbers(seed), {
    width,
    heads,
    norm,
    tokens: 'kept',
  });
  for (const name of ['input_ids', 'attention_mask', 'token_type_ids'])
    graph.input(name, 'int64', ['batch', tokens === 'fixed' ? TOKENS : 'tokens']);
  graph.output('last_hidden_state', 'float32', ['batch', tokens === 'fixed' ? TOKENS : 'tokens', width]);
  graph.output('pooled', 'float32', ['batch', width]);
  const mask = attentionMask(graph);
  const places = tokens === 'fixed' ? fixedPlaces(graph, layers, width) : slicedPlaces(graph, layers, width);
  let x = layers.norm(embeddings(graph, layers, { words: vocabulary(scale), width, places }));
  for (let block = 0; block < blocks; block++) {
    x = layers.norm(graph.node('Add', [layers.attention(x, { mask }), x]));
    const outputs = block === blocks - 1 ? ['last_hidden_state'] : undefined;
    x = layers.norm(graph.node('Add', [layers.feedForward(x), x]), outputs);
  }
  graph.initializer('first-token', int64([0], []));
  const first = graph.node('Gather', [x, 'first-token'], { axis: 1 });
  graph.node('Tanh', [layers.dense(first, width, width)], {}, { outputs: ['pooled'] });
  return graph.toBytes();
}

/** Zero where a token counts, far below zero where it does not; `[batch, 1, 1, tokens]`. */
function attentionMask(graph: GraphBuilder): string {
  graph.initializer('mask-first', int64([1]));
  graph.initializer('mask-second', int64([2]));
  graph.initializer('mask-one', scalar(1));
  graph.initializer('mask-least', scalar(-10000));
  const wider = graph.node('Unsqueeze', ['attention_mask', 'mask-first']);
  const wide = graph.node('Unsqueeze', [wider, 'mask-second']);
  const kept = graph.node('Cast', [wide], { to: 1 });
  return graph.node('Mul', [graph.node('Sub', ['mask-one', kept]), 'mask-least']);
}

interface Embeddings {
  readonly words: number;
  readonly width: number;
  /** Name of what is added for each place. */
  readonly places: string;
}

/** Of words, kinds of token, and places. */
function embeddings(
  graph: GraphBuilder,
  layers: TransformerLayers,
  { words, width, places }: Embeddings,
): string {
  const word = graph.node('Gather', [layers.weight([words, width], 1), 'input_ids']);
  const kind = graph.node('Gather', [layers.weight([KINDS, width], 0.5), 'token_type_ids']);
  return graph.node('Add', [graph.node('Add', [word, places]), kind]);
}

/** As many rows of the table as there are tokens. */
function slicedPlaces(graph: GraphBuilder, layers: TransformerLayers, width: number): string {
  graph.initializer('token-axis', int64([1], []));
  graph.initializer('row-axis', int64([0]));
  const count = graph.node('Gather', [graph.node('Shape', ['input_ids']), 'token-axis']);
  const until = graph.node('Unsqueeze', [count, 'row-axis']);
  return graph.node('Slice', [placeTable(layers, width), 'row-axis', until, 'row-axis']);
}

function fixedPlaces(graph: GraphBuilder, layers: TransformerLayers, width: number): string {
  const ids = Array.from({ length: TOKENS }, (_, place) => place);
  graph.initializer('places', int64(ids, [1, TOKENS]));
  return graph.node('Gather', [placeTable(layers, width), 'places']);
}

const placeTable = (layers: TransformerLayers, width: number) => layers.weight([512, width], 0.5);

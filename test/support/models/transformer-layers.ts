/** Layers of transformers over float32 [batch, seq, width], with seeded random weights. */
import type { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import type { Tensor } from '../../../sdk/src/tensor.ts';
import { randomTensor } from './random-weights.ts';

export interface TransformerStyle {
  readonly width: number;
  /** Divides `width`. */
  readonly heads: number;
  /** One LayerNormalization node, or the nine nodes that exporters wrote before there was one. @default 'node' */
  readonly norm?: 'node' | 'spelt';
  /** Gelu by Erf or, approximately, by Tanh; spelt out either way. @default 'erf' */
  readonly gelu?: 'erf' | 'tanh';
  /** How reshapes say the number of tokens: kept by a 0, or left to be found by a -1. @default 'found' */
  readonly tokens?: 'kept' | 'found';
}

export interface AttentionOptions {
  /** Added to the scores before the softmax. */
  readonly mask?: string;
  /** Keys and values of earlier places, `[batch, heads, past, width / heads]`, and the names under which the longer ones leave. */
  readonly cache?: { readonly past: readonly [string, string]; readonly present: readonly [string, string] };
}

const SCALARS = {
  zero: 0,
  half: 0.5,
  one: 1,
  two: 2,
  three: 3,
  tiny: 1e-5,
  'root-2': Math.SQRT2,
  'root-2/pi': Math.sqrt(2 / Math.PI),
  cubic: 0.044715,
} as const;

export class TransformerLayers {
  readonly #graph: GraphBuilder;
  readonly #next: () => number;
  readonly #style: Required<TransformerStyle>;
  readonly #made = new Set<string>();
  #count = 0;

  constructor(graph: GraphBuilder, next: () => number, style: TransformerStyle) {
    const { width, heads } = style;
    this.#graph = graph;
    this.#next = next;
    this.#style = { norm: 'node', gelu: 'erf', tokens: 'found', ...style };
    const tokens = this.#style.tokens === 'kept' ? 0 : -1;
    graph.initializer('split-heads', int64([0, tokens, heads, width / heads]));
    graph.initializer('join-heads', int64([0, tokens, width]));
    graph.initializer('attention-scale', scalar(Math.sqrt(width / heads)));
  }

  norm(x: string, outputs?: readonly string[]): string {
    const { width, norm } = this.#style;
    const [scale, shift] = [this.weight([width], 0.2, 1), this.weight([width], 0.1)];
    const options = outputs ? { outputs } : {};
    if (norm === 'spelt') {
      const scaled = this.#graph.node('Mul', [this.#standardise(x), scale]);
      return this.#graph.node('Add', [scaled, shift], {}, options);
    }
    const attributes = { axis: -1, epsilon: { float: 1e-5 } };
    return this.#graph.node('LayerNormalization', [x, scale, shift], attributes, options);
  }

  attention(x: string, { mask, cache }: AttentionOptions = {}): string {
    const graph = this.#graph;
    const query = this.#headsOf(x);
    let key = this.#headsOf(x, cache ? [0, 2, 1, 3] : [0, 2, 3, 1]);
    let value = this.#headsOf(x);
    if (cache) {
      key = graph.node('Concat', [cache.past[0], key], { axis: 2 }, { outputs: [cache.present[0]] });
      key = graph.node('Transpose', [key], { perm: [0, 1, 3, 2] });
      value = graph.node('Concat', [cache.past[1], value], { axis: 2 }, { outputs: [cache.present[1]] });
    }
    let scores = graph.node('Div', [graph.node('MatMul', [query, key]), 'attention-scale']);
    if (mask) scores = graph.node('Add', [scores, mask]);
    const mixed = graph.node('MatMul', [graph.node('Softmax', [scores], { axis: -1 }), value]);
    const joined = graph.node('Transpose', [mixed], { perm: [0, 2, 1, 3] });
    const { width } = this.#style;
    return this.dense(graph.node('Reshape', [joined, 'join-heads']), width, width);
  }

  /** Two layers with Gelu between them, the inner one four times as wide. */
  feedForward(x: string): string {
    const { width, gelu } = this.#style;
    const wide = this.dense(x, width, width * 4);
    return this.dense(gelu === 'erf' ? this.#erfGelu(wide) : this.#tanhGelu(wide), width * 4, width);
  }

  dense(x: string, from: number, to: number, outputs?: readonly string[]): string {
    const product = this.#graph.node('MatMul', [x, this.weight([from, to], Math.sqrt(3 / from))]);
    return this.#graph.node('Add', [product, this.weight([to], 0.02)], {}, outputs ? { outputs } : {});
  }

  weight(dims: readonly number[], spread: number, centre = 0): string {
    const tensor = randomTensor(this.#next, dims, { spread, centre });
    return this.#graph.initializer(`weight${this.#count++}`, tensor);
  }

  /** A number as a weight, made once. */
  scalar(name: keyof typeof SCALARS): string {
    if (!this.#made.has(name)) this.#graph.initializer(name, scalar(SCALARS[name]));
    this.#made.add(name);
    return name;
  }

  #headsOf(x: string, perm = [0, 2, 1, 3]): string {
    const { width } = this.#style;
    const projected = this.#graph.node('Reshape', [this.dense(x, width, width), 'split-heads']);
    return this.#graph.node('Transpose', [projected], { perm });
  }

  #standardise(x: string): string {
    const graph = this.#graph;
    const mean = graph.node('ReduceMean', [x], { axes: [-1] });
    const centred = graph.node('Sub', [x, mean]);
    const squared = graph.node('Pow', [centred, this.scalar('two')]);
    const variance = graph.node('ReduceMean', [squared], { axes: [-1] });
    const deviation = graph.node('Sqrt', [graph.node('Add', [variance, this.scalar('tiny')])]);
    return graph.node('Div', [centred, deviation]);
  }

  #erfGelu(x: string): string {
    const graph = this.#graph;
    const erf = graph.node('Erf', [graph.node('Div', [x, this.scalar('root-2')])]);
    const gate = graph.node('Add', [erf, this.scalar('one')]);
    return graph.node('Mul', [graph.node('Mul', [x, gate]), this.scalar('half')]);
  }

  #tanhGelu(x: string): string {
    const graph = this.#graph;
    const cubed = graph.node('Pow', [x, this.scalar('three')]);
    const bent = graph.node('Add', [x, graph.node('Mul', [cubed, this.scalar('cubic')])]);
    const tanh = graph.node('Tanh', [graph.node('Mul', [bent, this.scalar('root-2/pi')])]);
    const gate = graph.node('Add', [tanh, this.scalar('one')]);
    return graph.node('Mul', [graph.node('Mul', [x, this.scalar('half')]), gate]);
  }
}

export function scalar(value: number): Tensor {
  return { type: 'float32', data: Float32Array.of(value), dims: [] };
}

export function int64(values: readonly number[], dims: readonly number[] = [values.length]): Tensor {
  return { type: 'int64', data: BigInt64Array.from(values.map(BigInt)), dims };
}

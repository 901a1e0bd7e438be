/** Two LSTM layers over a sequence, the first in both directions; carries its state from call to call. Any batch. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import type { Architecture, ArchitectureOptions } from './architecture.ts';
import { ConvLayers, scaled } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';
import { int64 } from './transformer-layers.ts';

const STEPS = 32;
const FEATURES = 80;
const hiddenOf = (scale: number) => scaled(512, scale);

export const lstm: Architecture = {
  name: 'LSTM',
  make: makeLstm,
  inputs: (scale) => ({
    input: { type: 'float32', shape: ['batch', STEPS, FEATURES] },
    state: { type: 'float32', shape: ['batch', hiddenOf(scale)] },
    cell: { type: 'float32', shape: ['batch', hiddenOf(scale)] },
  }),
  fullMegabytes: 22,
  smallScale: 1 / 8,
};

function makeLstm({ scale, seed = 32 }: ArchitectureOptions): Uint8Array {
  const hidden = hiddenOf(scale);
  const graph = new GraphBuilder('lstm');
  const layers = new ConvLayers(graph, randomNumbers(seed));
  graph.input('input', 'float32', ['batch', STEPS, FEATURES]);
  graph.input('state', 'float32', ['batch', hidden]);
  graph.input('cell', 'float32', ['batch', hidden]);
  for (const name of ['output', 'next_state', 'next_cell']) graph.output(name);
  graph.initializer('direction-axis', int64([0]));
  graph.initializer('both', int64([0, 0, 2 * hidden]));
  const steps = graph.node('Transpose', ['input'], { perm: [1, 0, 2] });
  const first = recurrent(graph, layers, steps, { inputs: FEATURES, hidden, directions: 2 });
  const turned = graph.node('Transpose', [first], { perm: [0, 2, 1, 3] });
  const joined = graph.node('Reshape', [turned, 'both']);
  const state = ['state', 'cell'].map((name) => graph.node('Unsqueeze', [name, 'direction-axis']));
  const second = recurrent(graph, layers, joined, { inputs: 2 * hidden, hidden, directions: 1 }, state);
  const plain = graph.node('Squeeze', [second, 'direction-second']);
  graph.initializer('direction-second', int64([1]));
  const last = graph.node('ReduceMax', [plain], { axes: [0], keepdims: 0 });
  graph.node('Softmax', [layers.dense(last, hidden, 12)], { axis: -1 }, { outputs: ['output'] });
  for (const [made, output] of [['Y_h', 'next_state'] as const, ['Y_c', 'next_cell'] as const])
    graph.node('Squeeze', [made, 'direction-axis'], {}, { outputs: [output] });
  return graph.toBytes();
}

interface Recurrence {
  readonly inputs: number;
  readonly hidden: number;
  readonly directions: 1 | 2;
}

/** @returns the name of `[steps, directions, batch, hidden]`; with a first state, the last is `Y_h` and `Y_c` */
function recurrent(
  graph: GraphBuilder,
  layers: ConvLayers,
  x: string,
  { inputs, hidden, directions }: Recurrence,
  state: readonly string[] = [],
): string {
  const spread = Math.sqrt(1 / hidden);
  const weights = [
    layers.weight(`lstm${directions}.weight`, [directions, 4 * hidden, inputs], spread),
    layers.weight(`lstm${directions}.recurrence`, [directions, 4 * hidden, hidden], spread),
    layers.weight(`lstm${directions}.bias`, [directions, 8 * hidden], spread),
  ];
  const attributes = { hidden_size: hidden, direction: directions === 2 ? 'bidirectional' : 'forward' };
  const outputs = state.length > 0 ? ['Y', 'Y_h', 'Y_c'] : [`Y${directions}`];
  return graph.node('LSTM', [x, ...weights, ...(state.length > 0 ? ['', ...state] : [])], attributes, {
    outputs,
  });
}

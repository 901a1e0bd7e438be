/** Small nets with If, Loop and Scan whose bodies read values of the graph around them. Any batch. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { type Architecture, type ArchitectureOptions, pictures } from './architecture.ts';
import { ConvLayers, scaled } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';
import { int64, scalar } from './transformer-layers.ts';

const SIDE = 32;
const TRIPS = 3;

const common = { inputs: () => pictures(SIDE), smallScale: 1 };

/** Which branch runs depends on the picture; both read the stem's result, and one of them an early value besides. */
export const ifNet: Architecture = {
  ...common,
  name: 'net with If',
  fullMegabytes: 0.05,
  make: (options) => makeNet(options, (net, early, x) => net.branch(early, x)),
};

/** Three trips; the body reads a value made before the loop. */
export const loopNet: Architecture = {
  ...common,
  name: 'net with Loop',
  fullMegabytes: 0.05,
  make: (options) => makeNet(options, (net, early, x) => net.loop(early, x)),
};

/** Row by row through the picture; the body reads a value made before the scan. */
export const scanNet: Architecture = {
  ...common,
  name: 'net with Scan',
  fullMegabytes: 0.05,
  make: (options) => makeNet(options, (net, early, x) => net.scan(early, x)),
};

type Midst = (net: ControlNet, early: string, x: string) => string;

function makeNet({ scale, seed = 33 }: ArchitectureOptions, midst: Midst): Uint8Array {
  const graph = new GraphBuilder('control');
  const layers = new ConvLayers(graph, randomNumbers(seed));
  const channels = scaled(24, scale);
  graph.input('input', 'float32', ['batch', 3, SIDE, SIDE]);
  graph.output('output', 'float32', ['batch', 10]);
  const same = { inChannels: channels, outChannels: channels, kernel: 3, stride: 1 };
  let x = layers.convNorm('input', { ...same, inChannels: 3, stride: 2 });
  // Read by the bodies alone, so that a cut before them must send it.
  const early = graph.node('Softplus', [graph.node('GlobalMaxPool', [x])]);
  x = layers.pool('MaxPool', layers.convNorm(x, same), 2, 2);
  x = midst(new ControlNet(graph), early, x);
  layers.classifier(layers.convNorm(x, same), channels, 10, 'output');
  return graph.toBytes();
}

class ControlNet {
  readonly #graph: GraphBuilder;

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  branch(early: string, x: string): string {
    const graph = this.#graph;
    graph.initializer('threshold', scalar(0.9));
    const mean = graph.node('ReduceMean', [x], { keepdims: 0 });
    const [dim, bright] = [new GraphBuilder('dim'), new GraphBuilder('bright')];
    dim.output(dim.node('Mul', [x, early]));
    bright.output(bright.node('Tanh', [bright.node('Sub', [x, mean])]));
    const condition = graph.node('Less', [mean, 'threshold']);
    return graph.node('If', [condition], { then_branch: { graph: dim }, else_branch: { graph: bright } });
  }

  loop(early: string, x: string): string {
    const graph = this.#graph;
    graph.initializer('trips', int64([TRIPS], []));
    graph.initializer('go', { type: 'bool', data: Uint8Array.of(1), dims: [] });
    const body = new GraphBuilder('trip');
    body.input('trip', 'int64', []);
    body.input('going', 'bool', []);
    body.input('carried', 'float32', null);
    body.output(body.node('Identity', ['going']));
    body.output(body.node('Tanh', [body.node('Mul', ['carried', early])]));
    return graph.node('Loop', ['trips', 'go', x], { body: { graph: body } });
  }

  scan(early: string, x: string): string {
    const graph = this.#graph;
    graph.initializer('row-axis', int64([2]));
    const flat = graph.node('Squeeze', [early, 'last-axis']);
    graph.initializer('last-axis', int64([3]));
    const start = graph.node('ReduceMean', [x], { axes: [2], keepdims: 0 });
    const body = new GraphBuilder('row');
    body.input('carried', 'float32', null);
    body.input('row', 'float32', null);
    const mixed = body.node('Add', [body.node('Mul', ['carried', flat]), 'row']);
    const next = body.node('Tanh', [mixed]);
    body.output(next);
    body.output(body.node('Identity', [next]));
    const attributes = {
      body: { graph: body },
      num_scan_inputs: 1,
      scan_input_axes: [2],
      scan_output_axes: [2],
    };
    const outputs = ['last-row', 'rows'];
    graph.node('Scan', [start, x], attributes, { outputs });
    return 'rows';
  }
}

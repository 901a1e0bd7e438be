/** A picture made small and large again, with most of the work where it is smallest: a narrow link wants the inner cuts of a U. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { ConvLayers } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';

export const HOURGLASS_SHAPE = [1, 3, 64, 64];

const OUTER = 4;
const INNER = 16;
const WAIST = 128;
/** Convolutions between the outer cuts and the inner ones, on either side, and in the middle. */
const SLOPE = 3;
const MIDDLE = 12;

/** 3x64x64 in and out; what crosses at the waist is a sixteenth of what crosses at the ends. */
export function hourglass({ seed = 5 } = {}): Uint8Array {
  const graph = new GraphBuilder('hourglass');
  const layers = new ConvLayers(graph, randomNumbers(seed));
  graph.input('input', 'float32', HOURGLASS_SHAPE);
  graph.output('output', 'float32', HOURGLASS_SHAPE);
  const conv = (x: string, inChannels: number, outChannels: number) =>
    layers.convNorm(x, { inChannels, outChannels, kernel: 3, stride: 1 });
  const down = (x: string, inChannels: number, outChannels: number) =>
    layers.convNorm(x, { inChannels, outChannels, kernel: 3, stride: 2 });
  let x = conv('input', 3, OUTER);
  x = conv(x, OUTER, INNER);
  for (let i = 0; i < SLOPE; i++) x = conv(x, INNER, INNER);
  x = down(down(down(x, INNER, INNER), INNER, INNER), INNER, INNER);
  x = conv(x, INNER, WAIST);
  for (let i = 0; i < MIDDLE; i++) x = conv(x, WAIST, WAIST);
  x = conv(x, WAIST, INNER);
  for (let i = 0; i < 3; i++) x = layers.upConv(x, INNER, INNER);
  for (let i = 0; i < SLOPE; i++) x = conv(x, INNER, INNER);
  x = conv(x, INNER, OUTER);
  x = layers.convBias(x, { inChannels: OUTER, outChannels: 3, kernel: 3, stride: 1 }, 'none');
  graph.node('Sigmoid', [x], {}, { outputs: ['output'] });
  return graph.toBytes();
}

/** A picture made small and large again, with most of the work where it is smallest: a narrow link wants the inner cuts of a U. */
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import { ConvLayers } from './conv-layers.ts';
import { randomNumbers } from './random-weights.ts';

/** Of its pictures, in and out. */
export const hourglassShape = (side: number): readonly number[] => [1, 3, side, side];

const OUTER = 4;
const INNER = 16;
const WAIST = 128;
/** Convolutions between the outer cuts and the inner ones, on either side, and in the middle. */
const SLOPE = 3;
const MIDDLE = 12;

/** What crosses at the waist is a sixteenth of what crosses at the ends. @param side a multiple of eight */
export function hourglass({ side = 64, seed = 5 } = {}): Uint8Array {
  const shape = hourglassShape(side);
  const graph = new GraphBuilder('hourglass');
  const layers = new ConvLayers(graph, randomNumbers(seed));
  graph.input('input', 'float32', shape);
  graph.output('output', 'float32', shape);
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

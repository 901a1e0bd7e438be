/** The noise stage: Gaussian noise over what crosses a cut, before it is encoded, in relation to what is there. */
import type { Tensor } from '../tensor.ts';

/**
 * @param level standard deviation of the noise, as a share of that of the tensor's own values; 0 leaves it as it is
 * @param random uniform numbers in [0, 1)
 * @returns the tensor with noise; whole numbers, as of tokens, stay as they are
 */
export function withNoise(tensor: Tensor, level: number, random: () => number): Tensor {
  if (level === 0 || !(tensor.data instanceof Float32Array)) return tensor;
  const deviation = level * deviationOf(tensor.data);
  return { ...tensor, data: tensor.data.map((value) => value + deviation * normal(random)) };
}

function deviationOf(values: Float32Array): number {
  let [sum, squares] = [0, 0];
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  return Math.sqrt(Math.max(0, squares / values.length - mean * mean));
}

/** Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

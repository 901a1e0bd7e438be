/** The noise stage: Gaussian noise over what crosses a cut, before it is encoded, in relation to what is there. */
import type { Tensor } from '../tensor.ts';

/**
 * @param level standard deviation of the noise, as a share of that of the tensor's own values; 0 leaves it as it is
 * @param random uniform numbers in [0, 1)
 * @returns the tensor with noise; whole numbers, as of tokens, stay as they are
 */
export function withNoise(tensor: Tensor, level: number, random: () => number): Tensor {
  if (level === 0 || !(tensor.data instanceof Float32Array)) return tensor;
  return { ...tensor, data: disturbed(tensor.data, level * deviationOf(tensor.data), random) };
}

/** By Box and Muller, who give two normal numbers for two uniform ones. */
function disturbed(values: Float32Array, deviation: number, random: () => number): Float32Array<ArrayBuffer> {
  const noisy = new Float32Array(values.length);
  for (let k = 0; k < values.length; k += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    noisy[k] = (values[k] as number) + radius * Math.cos(angle);
    // Behind the end of an odd number of values nothing is written.
    noisy[k + 1] = (values[k + 1] as number) + radius * Math.sin(angle);
  }
  return noisy;
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

/** Made-up pictures that are smooth as photographs are: sums of waves, each picture with its own. */
import type { Tensor } from '../../sdk/src/tensor.ts';
import { randomNumbers } from './models/random-weights.ts';

const WAVES = 5;

/** Of 3 channels, each value about -1 to 1. */
export function wavePictures(count: number, { size = 32, seed = 1 } = {}): readonly Tensor[] {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, () => wavePicture(size, random));
}

function wavePicture(size: number, random: () => number): Tensor {
  const waves = Array.from({ length: WAVES }, () => Array.from({ length: 6 }, random));
  const data = Float32Array.from({ length: 3 * size * size }, (_, place) => {
    const [channel, y, x] = [Math.floor(place / size ** 2), Math.floor(place / size) % size, place % size];
    return waves.reduce((sum, wave) => sum + valueAt(wave, [x / size, y / size], channel), 0) / 2;
  });
  return { type: 'float32', dims: [1, 3, size, size], data };
}

function valueAt(wave: readonly number[], [x, y]: readonly [number, number], channel: number): number {
  const [across = 0, down = 0, phase = 0] = wave;
  const strength = wave[3 + channel] ?? 0;
  return strength * Math.sin(2 * Math.PI * (across * x * 2 + down * y * 2 + phase));
}

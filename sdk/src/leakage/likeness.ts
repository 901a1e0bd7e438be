/** How alike two pictures are: peak signal to noise ratio, and structural similarity. */
import { SplitError } from '../errors.ts';

/** A picture as planes, one for each channel, each value 0 to 1. */
export interface Picture {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** `channels × height × width`, row by row. */
  readonly data: Float32Array;
}

/** More is a picture that nobody can tell from the other. */
const MOST_DB = 100;

/** In decibels, for values of 0 to 1; 100 at most, which equal pictures have. @throws SplitError `options-invalid` for other sizes */
export function psnr(a: Picture, b: Picture): number {
  checkSizes(a, b);
  let sum = 0;
  for (let k = 0; k < a.data.length; k++) sum += ((a.data[k] as number) - (b.data[k] as number)) ** 2;
  const mean = sum / a.data.length;
  return mean === 0 ? MOST_DB : Math.min(MOST_DB, -10 * Math.log10(mean));
}

const WINDOW = 11;
const SIGMA = 1.5;
/** (K₁ L)² and (K₂ L)² for values of 0 to 1. */
const [C1, C2] = [0.01 ** 2, 0.03 ** 2];

/**
 * SSIM as Wang and others defined it (2004): Gaussian windows of 11 × 11, σ 1.5, the mean over windows and channels. Pictures
 * that are smaller than a window are one.
 * @returns 1 for equal pictures, near 0 for ones that have nothing in common
 * @throws SplitError `options-invalid` for other sizes
 */
export function ssim(a: Picture, b: Picture): number {
  checkSizes(a, b);
  const { channels, height, width } = a;
  const [rows, columns] = [Math.min(WINDOW, height), Math.min(WINDOW, width)];
  const [down, across] = [gaussian(rows), gaussian(columns)];
  let [sum, count] = [0, 0];
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y + rows <= height; y++) {
      for (let x = 0; x + columns <= width; x++) {
        const start = channel * height * width + y * width + x;
        sum += windowSsim([a.data, b.data], { start, stride: width, down, across });
        count += 1;
      }
    }
  }
  return sum / count;
}

interface WindowPlace {
  readonly start: number;
  readonly stride: number;
  readonly down: Float64Array;
  readonly across: Float64Array;
}

function windowSsim([a, b]: readonly [Float32Array, Float32Array], place: WindowPlace): number {
  const { start, stride, down, across } = place;
  let [meanA, meanB, squareA, squareB, both] = [0, 0, 0, 0, 0];
  for (let i = 0; i < down.length; i++) {
    for (let j = 0; j < across.length; j++) {
      const weight = (down[i] as number) * (across[j] as number);
      const [p, q] = [a[start + i * stride + j] as number, b[start + i * stride + j] as number];
      meanA += weight * p;
      meanB += weight * q;
      squareA += weight * p * p;
      squareB += weight * q * q;
      both += weight * p * q;
    }
  }
  const [varianceA, varianceB] = [squareA - meanA ** 2, squareB - meanB ** 2];
  const covariance = both - meanA * meanB;
  const likeness =
    ((2 * meanA * meanB + C1) * (2 * covariance + C2)) /
    ((meanA ** 2 + meanB ** 2 + C1) * (varianceA + varianceB + C2));
  return likeness;
}

/** Weights that sum to 1. */
function gaussian(length: number): Float64Array {
  const weights = Float64Array.from({ length }, (_, i) =>
    Math.exp(-((i - (length - 1) / 2) ** 2) / (2 * SIGMA ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function checkSizes(a: Picture, b: Picture): void {
  if (a.channels === b.channels && a.height === b.height && a.width === b.width && a.data.length > 0) return;
  const size = ({ channels, height, width }: Picture) => `${channels}x${height}x${width}`;
  throw new SplitError('options-invalid', `pictures of ${size(a)} and ${size(b)}; expected the same size`);
}

/** Pixels to a model's input, to the last bit: device and gateway must make the very same tensor of a picture. */
import { SplitError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';

/** A decoded picture. `data` is row by row, channels side by side: `data[(y * width + x) * channels + c]`. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
  readonly channels: number;
  readonly data: Uint8Array;
}

/** How a picture becomes the input: `[batch, channels, height, width]`, per-channel mean and standard deviation. */
export interface ImageLayout {
  /** Batch, channels (1 to 4), height, width. The pictures of a batch are stacked, the first on top. */
  readonly dims: readonly number[];
  /** One for each channel, of pixels scaled to 0..1. Rounded to float32. */
  readonly mean: readonly number[];
  /** One for each channel; rounded to float32, then not 0. */
  readonly std: readonly number[];
}

/**
 * `tensor[n, c, y, x] = (pixel / 255 - mean[c]) / std[c]`, float32, where the pixel is at row `n * height + y`.
 * Each of the three operations is rounded to float32 before the next.
 * @throws SplitError `codec-invalid` when the picture is not `width` wide, `batch * height` high, with these channels
 */
export function normaliseImage(pixels: Pixels, layout: ImageLayout): Tensor {
  const { batch, channels, height, width } = readLayout(layout);
  checkPixels(pixels, { width, height: batch * height, channels });
  const tables = layout.mean.map((mean, channel) => levelTable(mean, layout.std[channel] ?? 1));
  const plane = height * width;
  const values = new Float32Array(batch * channels * plane);
  for (let n = 0; n < batch; n++) {
    for (const [channel, table] of tables.entries()) {
      const out = values.subarray((n * channels + channel) * plane, (n * channels + channel + 1) * plane);
      fillPlane(out, pixels.data, n * plane * channels + channel, channels, table);
    }
  }
  return { type: 'float32', dims: [...layout.dims], data: values };
}

/** The layout's dimensions by name. @throws SplitError `codec-invalid` for what is not a layout */
export function readLayout({
  dims,
  mean,
  std,
}: ImageLayout): Record<'batch' | 'channels' | 'height' | 'width', number> {
  const [batch = 0, channels = 0, height = 0, width = 0] = dims;
  const counts = [batch, channels, height, width];
  if (dims.length !== 4 || channels > 4 || !counts.every((count) => Number.isInteger(count) && count > 0)) {
    throw invalid(`dimensions [${dims.join(', ')}] are not [batch, 1 to 4 channels, height, width]`);
  }
  if (mean.length !== channels || std.length !== channels) {
    throw invalid(`${mean.length} means and ${std.length} deviations for ${channels} channels`);
  }
  const isUsable =
    mean.every(isFloat32) && std.every((value) => isFloat32(value) && Math.fround(value) !== 0);
  if (!isUsable) throw invalid(`means [${mean.join(', ')}] with deviations [${std.join(', ')}]`);
  return { batch, channels, height, width };
}

/** All 256 levels of one channel. Float32Array rounds on each store. */
function levelTable(mean: number, std: number): Float32Array {
  const { fround } = Math;
  return Float32Array.from({ length: 256 }, (_, level) => {
    return fround(fround(fround(level / 255) - fround(mean)) / fround(std));
  });
}

function fillPlane(
  out: Float32Array,
  data: Uint8Array,
  start: number,
  step: number,
  table: Float32Array,
): void {
  for (let i = 0, from = start; i < out.length; i++, from += step) {
    out[i] = table[data[from] as number] as number;
  }
}

function checkPixels(pixels: Pixels, wanted: Omit<Pixels, 'data'>): void {
  const size = (picture: Omit<Pixels, 'data'>) =>
    `${picture.width} x ${picture.height} x ${picture.channels}`;
  if (size(pixels) !== size(wanted))
    throw invalid(`a picture of ${size(pixels)} where ${size(wanted)} is said`);
  const bytes = wanted.width * wanted.height * wanted.channels;
  if (pixels.data.length !== bytes) throw invalid(`${pixels.data.length} bytes of pixels, not ${bytes}`);
}

function isFloat32(value: number): boolean {
  return Number.isFinite(Math.fround(value));
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', `image: ${what}`);
}

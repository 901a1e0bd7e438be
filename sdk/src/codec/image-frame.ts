/** The image frame: a model's input as the JPEG, PNG or WebP file it came from, with what makes a tensor of it. */
import { asSplitError, SplitError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import type { Frame } from './frame.ts';
import { ENTROPY_IDS, NUMBER_FORMAT_IDS, PREDICTOR_IDS, writeFrame } from './frame.ts';
import type { ImageLayout, Pixels } from './normalise-image.ts';
import { normaliseImage, readLayout } from './normalise-image.ts';

/** What a decoder may make of a file, known before it is opened. */
export interface ImageLimits {
  /** Width times height. */
  readonly maxPixels: number;
  /** Channels wanted: 1 grey, 3 RGB, 4 RGBA. A decoder converts where it can. */
  readonly channels: number;
}

/** Decodes a picture file. It throws on what is none, and on one over the limits before allocating for it. */
export type ImageDecoder = (bytes: Uint8Array, limits: ImageLimits) => Promise<Pixels>;

/** A picture file and the tensor it stands for. */
export interface ImageInput extends ImageLayout {
  /** The file: one picture of `width` by `batch * height` pixels. */
  readonly bytes: Uint8Array;
}

/**
 * The decoded tensor is what `normaliseImage` makes of the file's pixels.
 * The parameters are the means and then the deviations, float32 each. The payload is the file.
 * @throws SplitError `codec-invalid` for what is not a layout
 */
export function encodeImageFrame(image: ImageInput): Uint8Array {
  readLayout(image);
  return writeFrame({
    numberFormat: NUMBER_FORMAT_IDS.image,
    predictor: PREDICTOR_IDS.none,
    entropy: ENTROPY_IDS.none,
    type: 'float32',
    dims: image.dims,
    parameters: writeFloats([...image.mean, ...image.std]),
    payload: image.bytes,
  });
}

/** @throws SplitError `codec-invalid` */
export async function decodeImageFrame(frame: Frame, decoder: ImageDecoder | undefined): Promise<Tensor> {
  if (decoder === undefined) throw invalid('this side has no image decoder');
  if (frame.type !== 'float32') throw invalid(`a picture cannot become ${frame.type}`);
  if (frame.entropy !== ENTROPY_IDS.none) throw invalid('a picture file is not packed again');
  const layout = readImageLayout(frame);
  const { batch, channels, height, width } = readLayout(layout);
  const pixels = await decode(decoder, frame.payload, { maxPixels: batch * height * width, channels });
  return normaliseImage(pixels, layout);
}

function readImageLayout({ dims, parameters }: Frame): ImageLayout {
  if (parameters.length % 8 !== 0) throw invalid(`${parameters.length} bytes of parameters`);
  const floats = readFloats(parameters);
  return { dims, mean: floats.slice(0, floats.length / 2), std: floats.slice(floats.length / 2) };
}

async function decode(decoder: ImageDecoder, bytes: Uint8Array, limits: ImageLimits): Promise<Pixels> {
  try {
    return await decoder(bytes, limits);
  } catch (error) {
    throw asSplitError(error, 'codec-invalid');
  }
}

function writeFloats(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (const [index, value] of values.entries()) view.setFloat32(4 * index, value, true);
  return new Uint8Array(view.buffer);
}

function readFloats(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(4 * index, true));
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', `image: ${what}`);
}

/** Inputs made of a real photograph: crops of it, mirrored every second time, as the models were trained to see them. */
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { normaliseImage } from '../../../sdk/src/codec/normalise-image.ts';
import type { Tensor } from '../../../sdk/src/tensor.ts';

const PHOTOGRAPH = fileURLToPath(new URL('../../../samples/ocr/assets/street-sign.jpg', import.meta.url));

export interface PictureShape {
  readonly width: number;
  readonly height: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** `count` inputs `[1, 3, height, width]`, the same ones every time. Neighbours overlap, none is the same as another. */
export async function croppedInputs(shape: PictureShape, count: number): Promise<Tensor[]> {
  const { width = 0, height = 0 } = await sharp(PHOTOGRAPH).metadata();
  const inputs: Tensor[] = [];
  for (let index = 0; index < count; index++) {
    inputs.push(await croppedInput(shape, cropOf({ width, height }, shape, index / count), index % 2 === 1));
  }
  return inputs;
}

interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A crop of the wanted proportions: its size and its place wander over the picture as `at` goes from 0 to 1. */
function cropOf(
  picture: { readonly width: number; readonly height: number },
  wanted: { readonly width: number; readonly height: number },
  at: number,
): Region {
  const most = Math.min(picture.width / wanted.width, picture.height / wanted.height);
  const scale = most * (0.4 + 0.6 * fraction(at * 13.7 + 0.5));
  const width = Math.floor(wanted.width * scale);
  const height = Math.floor(wanted.height * scale);
  const left = Math.floor((picture.width - width) * fraction(at * 7.3 + 0.2));
  const top = Math.floor((picture.height - height) * fraction(at * 3.9 + 0.7));
  return { left, top, width, height };
}

async function croppedInput(shape: PictureShape, region: Region, isMirrored: boolean): Promise<Tensor> {
  const { width, height, mean, std } = shape;
  const crop = sharp(PHOTOGRAPH).extract(region).resize(width, height, { fit: 'fill' });
  const data = await (isMirrored ? crop.flop() : crop).removeAlpha().raw().toBuffer();
  return normaliseImage({ width, height, channels: 3, data }, { dims: [1, 3, height, width], mean, std });
}

const fraction = (value: number) => value - Math.floor(value);

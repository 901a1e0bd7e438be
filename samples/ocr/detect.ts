/** Where the text is: PP-OCRv4's detector, and the boxes in the map of probabilities that it gives. */
import { normaliseImage } from '@cutpoint/sdk';
import sharp from 'sharp';
import type { Box } from './box.ts';
import { type ModelInput, onlyOutput, type TextModel } from './model-input.ts';
import type { Picture } from './picture.ts';
import { textBoxes } from './text-boxes.ts';

/** What the detector was trained with. */
const LAYOUT = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const SIDE_MULTIPLE = 32;

/** Boxes of lines of text, in reading order. */
export async function detectText(picture: Picture, detector: TextModel): Promise<Box[]> {
  const { data, dims } = onlyOutput(await detector(await detectorInput(picture)));
  const [height = 0, width = 0] = dims.slice(-2);
  return textBoxes({ width, height, data }, picture);
}

/** The picture itself, which may also be sent as its file, unless its sides are no multiples of 32. */
export async function detectorInput(picture: Picture): Promise<ModelInput> {
  const width = nearestSide(picture.width);
  const height = nearestSide(picture.height);
  const fits = width === picture.width && height === picture.height;
  const data = fits ? picture.rgb : await resize(picture, width, height);
  const x = normaliseImage({ width, height, channels: 3, data }, { ...LAYOUT, dims: [1, 3, height, width] });
  return { feeds: { x }, ...(fits && { images: { x: { file: picture.file, ...LAYOUT } } }) };
}

function nearestSide(side: number): number {
  return Math.max(SIDE_MULTIPLE, Math.round(side / SIDE_MULTIPLE) * SIDE_MULTIPLE);
}

function resize(picture: Picture, width: number, height: number): Promise<Uint8Array> {
  const raw = { width: picture.width, height: picture.height, channels: 3 } as const;
  return sharp(picture.rgb, { raw }).resize(width, height, { fit: 'fill' }).raw().toBuffer();
}

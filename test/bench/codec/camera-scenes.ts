/** What a camera sees, made of a real photograph: a window on it, sensor noise, flicker, and what moves. */
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { normaliseImage } from '../../../sdk/src/codec/normalise-image.ts';
import type { Tensor } from '../../../sdk/src/tensor.ts';
import type { PictureShape } from './pictures.ts';

const PHOTOGRAPH = fileURLToPath(new URL('../../../samples/ocr/assets/street-sign.jpg', import.meta.url));

export interface Scene {
  readonly name: string;
  /** Standard deviation of each sample's noise, in levels of 255. New in every frame. */
  readonly noiseLevels: number;
  /** Standard deviation of a whole frame's brightness, as a share. */
  readonly flickerShare: number;
  /** The window moves so many pixels a frame to the right. */
  readonly panPixels: number;
  /** A patch of a quarter of the window's width and height moves so many pixels a frame. */
  readonly objectPixels: number;
}

const STILL = { panPixels: 0, objectPixels: 0 };
const SENSOR = { noiseLevels: 1.5, flickerShare: 0.002 };

export const STATIC_SCENES: readonly Scene[] = [
  { name: 'noise 0', noiseLevels: 0, flickerShare: 0, ...STILL },
  { name: 'noise 0.5', noiseLevels: 0.5, flickerShare: 0, ...STILL },
  { name: 'noise 1', noiseLevels: 1, flickerShare: 0.002, ...STILL },
  { name: 'noise 1.5', ...SENSOR, ...STILL },
  { name: 'noise 2', noiseLevels: 2, flickerShare: 0.002, ...STILL },
];

export const MOVING_SCENES: readonly Scene[] = [
  ...[1, 2, 4, 8].map((panPixels) => ({ name: `pan ${panPixels}`, ...SENSOR, panPixels, objectPixels: 0 })),
  { name: 'object 8', ...SENSOR, panPixels: 0, objectPixels: 8 },
];

/** `count` frames as inputs `[1, 3, height, width]`, the same ones every time. */
export async function sceneInputs(shape: PictureShape, scene: Scene, count: number): Promise<Tensor[]> {
  const { width, height, mean, std } = shape;
  const random = gaussian(7);
  const wide = await strip(shape, scene.panPixels * (count - 1));
  return Array.from({ length: count }, (_, frame) => {
    const data = seen(wide, shape, scene, frame, random);
    return normaliseImage({ width, height, channels: 3, data }, { dims: [1, 3, height, width], mean, std });
  });
}

interface Strip {
  readonly width: number;
  readonly data: Uint8Array;
}

/** The window and what the pan will uncover, at about the picture's own scale. */
async function strip({ width, height }: PictureShape, panPixels: number): Promise<Strip> {
  const { width: full = 0, height: fullHeight = 0 } = await sharp(PHOTOGRAPH).metadata();
  const wanted = { width: width + panPixels, height };
  const scale = 0.9 * Math.min(full / wanted.width, fullHeight / wanted.height, 2);
  const [cropWidth, cropHeight] = [Math.floor(wanted.width * scale), Math.floor(height * scale)];
  const [left, top] = [(full - cropWidth) >> 1, (fullHeight - cropHeight) >> 1];
  const data = await sharp(PHOTOGRAPH)
    .extract({ left, top, width: cropWidth, height: cropHeight })
    .resize(wanted.width, height, { fit: 'fill' })
    .removeAlpha()
    .raw()
    .toBuffer();
  return { width: wanted.width, data };
}

function seen(
  wide: Strip,
  { width, height }: PictureShape,
  scene: Scene,
  frame: number,
  random: () => number,
): Uint8Array {
  const brightness = 1 + scene.flickerShare * random();
  const data = new Uint8Array(3 * width * height);
  const at = { left: (width >> 2) + frame * scene.objectPixels, top: height >> 2 };
  const isObject = (x: number, y: number) =>
    scene.objectPixels > 0 &&
    x >= at.left &&
    x < at.left + (width >> 2) &&
    y >= at.top &&
    y < at.top + (height >> 2);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // The object is the picture's own upper left corner, and takes it along.
      const from = isObject(x, y)
        ? (y - at.top) * wide.width + (x - at.left)
        : y * wide.width + x + frame * scene.panPixels;
      for (let channel = 0; channel < 3; channel++) {
        const value = (wide.data[3 * from + channel] ?? 0) * brightness + scene.noiseLevels * random();
        data[3 * (y * width + x) + channel] = Math.max(0, Math.min(255, Math.round(value)));
      }
    }
  }
  return data;
}

/** Box and Muller's normal numbers from a generator that gives the same ones every time. */
function gaussian(seed: number): () => number {
  let state = seed | 1;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

// The real models, whole, on the photograph that the sample comes with.
import { readFile } from 'node:fs/promises';
import { normaliseImage, type Tensors } from '@cutpoint/sdk';
import * as ort from 'onnxruntime-node';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectorInput, detectText } from './detect.ts';
import { modelPaths } from './models.ts';
import { type Picture, readPicture } from './picture.ts';
import { readText, type TextModel } from './read-text.ts';
import { recogniserInput } from './recognise.ts';

const PHOTO = new URL('./assets/street-sign.jpg', import.meta.url);

// As the sign has it, but for the space between ALL and TIMES, which the model does not see.
const SIGN = ['NOTICE', 'DOUBLE', 'PARKING', 'PROHIBITED', 'AT ALLTIMES'];

let detector: ort.InferenceSession;
let recogniser: ort.InferenceSession;
let picture: Picture;

beforeAll(async () => {
  const options = { intraOpNumThreads: 2, extra: { session: { intra_op: { allow_spinning: '0' } } } };
  detector = await ort.InferenceSession.create(modelPaths().detector, options);
  recogniser = await ort.InferenceSession.create(modelPaths().recogniser, options);
  picture = await readPicture(await readFile(PHOTO));
});

afterAll(async () => {
  await detector.release();
  await recogniser.release();
});

function whole(session: ort.InferenceSession): TextModel {
  return async ({ feeds }) => {
    const inputs = Object.entries(feeds).map(([name, { type, data, dims }]) => {
      return [name, new ort.Tensor(type, data as Float32Array, dims)] as const;
    });
    return (await session.run(Object.fromEntries(inputs))) as unknown as Tensors;
  };
}

const unused: TextModel = () => expect.fail('ran the recogniser without a line');

describe('reading text', () => {
  it('reads the sign, line by line from the top', async () => {
    const lines = await readText(picture, { detector: whole(detector), recogniser: whole(recogniser) });
    expect(lines.map(({ text }) => text)).toEqual(SIGN);
    expect(Math.min(...lines.map(({ score }) => score))).toBeGreaterThan(0.9);
  });

  it('puts the boxes where the lines are in a picture whose sides are no multiples of 32', async () => {
    const odd = await readPicture(await sharp(picture.file).resize(600, 450).png().toBuffer());
    const boxes = await detectText(odd, whole(detector));
    expect((await detectorInput(odd)).images).toBeUndefined();
    expect(boxes.length).toBe(SIGN.length);
    // NOTICE stands at x 115 to 269, y 35 to 77 of 640 x 480.
    for (const [side, wanted] of Object.entries({ left: 108, top: 33, right: 252, bottom: 72 })) {
      expect(Math.abs((boxes[0]?.[side as 'left'] ?? 0) - wanted)).toBeLessThan(8);
    }
  });

  it('finds no line in a picture without text', async () => {
    const grey = { create: { width: 64, height: 64, channels: 3, background: '#777' } } as const;
    const blank = await readPicture(await sharp(grey).png().toBuffer());
    expect(await readText(blank, { detector: whole(detector), recogniser: unused })).toEqual([]);
  });

  it('offers files that decode to the very tensors that are fed', async () => {
    const boxes = await detectText(picture, whole(detector));
    for (const { feeds, images } of [await detectorInput(picture), recogniserInput(picture, boxes)]) {
      const [tensor, image] = [feeds.x, images?.x];
      if (!tensor || !image) return expect.fail('no input x, or no file of it');
      const { width, height, rgb } = await readPicture(
        typeof image.file === 'function' ? await image.file() : image.file,
      );
      const decoded = normaliseImage(
        { width, height, channels: 3, data: rgb },
        { ...image, dims: tensor.dims },
      );
      expect(Buffer.compare(Buffer.from(decoded.data.buffer), Buffer.from(tensor.data.buffer))).toBe(0);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { createCodec } from './codec.ts';
import { deflateNode } from './deflate-node.ts';
import type { ImageDecoder } from './image-frame.ts';
import { encodeImageFrame } from './image-frame.ts';
import { normaliseImage } from './normalise-image.ts';

const LAYOUT = { dims: [2, 3, 4, 5], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const PIXELS = { width: 5, height: 8, channels: 3, data: Uint8Array.from({ length: 120 }, (_, i) => i * 2) };

/** A picture format for tests: width, height, channels, then the pixels. */
const plainDecoder: ImageDecoder = async (bytes, limits) => {
  const [width = 0, height = 0, channels = 0] = bytes;
  if (width * height > limits.maxPixels)
    throw new Error(`${width * height} pixels exceed ${limits.maxPixels}`);
  return { width, height, channels, data: bytes.slice(3) };
};
const FILE = Uint8Array.from([5, 8, 3, ...PIXELS.data]);
const codec = createCodec({ deflate: deflateNode(), imageDecoder: plainDecoder });

describe('image frame', () => {
  it('becomes the very tensor that the device makes of the same pixels', async () => {
    const decoded = await codec.decode(encodeImageFrame({ ...LAYOUT, bytes: FILE }));
    expect(decoded).toEqual(normaliseImage(PIXELS, LAYOUT));
  });

  it('spends 35 bytes on the header of a colour picture', () => {
    expect(encodeImageFrame({ ...LAYOUT, bytes: FILE }).length).toBe(7 + 4 + 24 + FILE.length);
  });

  it('is refused where there is no decoder', async () => {
    const blind = createCodec({ deflate: deflateNode() });
    const decoding = blind.decode(encodeImageFrame({ ...LAYOUT, bytes: FILE }));
    await expect(decoding).rejects.toMatchObject({
      code: 'codec-invalid',
      message: 'image: this side has no image decoder',
    });
  });

  it('is refused when the picture is larger than said, smaller, or none', async () => {
    const files = [
      Uint8Array.from([9, 9, 3]),
      Uint8Array.from([5, 7, 3]),
      Uint8Array.from([5, 8, 1]),
      new Uint8Array(0),
    ];
    for (const bytes of files) {
      const decoding = codec.decode(encodeImageFrame({ ...LAYOUT, bytes }));
      await expect(decoding).rejects.toMatchObject({ code: 'codec-invalid' });
    }
  });

  it('is refused when its parameters do not fit its channels, before a picture is decoded', async () => {
    const frame = encodeImageFrame({ ...LAYOUT, bytes: FILE });
    for (const [offset, value] of [
      [6, 16],
      [6, 23],
      [12, 4],
      [12, 0],
      [4, 11],
      [3, 1],
      [8 + 16 + 15, 0x7f],
    ] as const) {
      const damaged = frame.slice();
      damaged[offset] = value;
      if (offset === 8 + 16 + 15) damaged[offset - 1] = 0x80; // a deviation of infinity
      const never = createCodec({ deflate: deflateNode(), imageDecoder: () => expect.fail('was decoded') });
      await expect(never.decode(damaged)).rejects.toMatchObject({ code: 'codec-invalid' });
    }
  });

  it('cannot be made of a layout that is none', () => {
    const wrong = { ...LAYOUT, bytes: FILE, std: [1, 0, 1] };
    expect(() => encodeImageFrame(wrong)).toThrow(expect.objectContaining({ code: 'codec-invalid' }));
  });
});

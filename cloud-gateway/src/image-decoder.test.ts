import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { createImageDecoder } from './image-decoder.ts';

const decode = createImageDecoder();
const LIMITS = { maxPixels: 64, channels: 3 };

describe('the image decoder', () => {
  it('gives the pixels of a lossless file unchanged', async () => {
    const data = Uint8Array.from({ length: 4 * 2 * 3 }, (_, index) => index * 10);
    const file = await sharp(data, { raw: { width: 4, height: 2, channels: 3 } })
      .png()
      .toBuffer();
    const pixels = await decode(file, LIMITS);
    expect(pixels).toMatchObject({ width: 4, height: 2, channels: 3 });
    expect([...pixels.data]).toEqual([...data]);
  });

  it.each([1, 3, 4] as const)('converts to the %i channels that are wanted', async (channels) => {
    const pixels = await decode(await picture({ format: 'png' }), { ...LIMITS, channels });
    expect(pixels.channels).toBe(channels);
    expect(pixels.data).toHaveLength(8 * 8 * channels);
  });

  it.each(['jpeg', 'png', 'webp'] as const)('reads %s', async (format) => {
    expect(await decode(await picture({ format }), LIMITS)).toMatchObject({
      width: 8,
      height: 8,
      channels: 3,
    });
  });

  it('refuses more pixels than the tensor has', async () => {
    const file = await picture({ format: 'jpeg' });
    await expect(decode(file, { ...LIMITS, maxPixels: 63 })).rejects.toMatchObject({ code: 'codec-invalid' });
  });

  it.each([
    ['a format with more code behind it', () => sharp(pixelsOf(8), RAW).tiff().toBuffer()],
    ['an SVG', async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>')],
    ['a file cut short', async () => (await picture({ format: 'jpeg' })).subarray(0, 60)],
    ['nothing', async () => Buffer.alloc(0)],
  ])('refuses %s', async (_what, makeFile) => {
    await expect(decode(await makeFile(), LIMITS)).rejects.toMatchObject({ code: 'codec-invalid' });
  });
});

const RAW = { raw: { width: 8, height: 8, channels: 3 } } as const;

function pixelsOf(side: number): Uint8Array {
  return Uint8Array.from({ length: side * side * 3 }, (_, index) => (index * 7) & 255);
}

function picture({ format }: { format: 'jpeg' | 'png' | 'webp' }): Promise<Buffer> {
  return sharp(pixelsOf(8), RAW).toFormat(format).toBuffer();
}

import { describe, expect, it } from 'vitest';
import { normaliseImage } from './normalise-image.ts';

describe('normaliseImage', () => {
  it('puts channels in planes and the pictures of a batch one after the other', () => {
    const layout = { dims: [2, 2, 1, 2], mean: [0, 0], std: [1, 1] };
    const data = Uint8Array.of(0, 51, 102, 153, 204, 255, 0, 255); // (y0x0) (y0x1) | (y1x0) (y1x1)
    const { data: values, dims } = normaliseImage({ width: 2, height: 2, channels: 2, data }, layout);
    expect(dims).toEqual([2, 2, 1, 2]);
    expect([...values]).toEqual([0, 0.4, 0.2, 0.6, 0.8, 0, 1, 1].map(Math.fround));
  });

  it('rounds to float32 after each of its three steps', () => {
    const { fround } = Math;
    const [mean, std] = [0.485, 0.229];
    const data = Uint8Array.from({ length: 256 }, (_, level) => level);
    const layout = { dims: [1, 1, 16, 16], mean: [mean], std: [std] };
    const { data: values } = normaliseImage({ width: 16, height: 16, channels: 1, data }, layout);
    for (const level of data) {
      expect(values[level]).toBe(fround(fround(fround(level / 255) - fround(mean)) / fround(std)));
    }
  });

  it('refuses a picture of another size, and a layout that is none', () => {
    const pixels = { width: 2, height: 2, channels: 1, data: new Uint8Array(4) };
    const layout = { dims: [1, 1, 2, 2], mean: [0], std: [1] };
    const wrong = [
      [{ ...pixels, width: 3 }, layout],
      [{ ...pixels, data: new Uint8Array(3) }, layout],
      [pixels, { ...layout, dims: [1, 2, 2] }],
      [pixels, { ...layout, dims: [1, 5, 2, 2] }],
      [pixels, { ...layout, mean: [0, 0] }],
      [pixels, { ...layout, std: [0] }],
      [pixels, { ...layout, mean: [Number.NaN] }],
    ] as const;
    for (const [picture, claim] of wrong) {
      expect(() => normaliseImage(picture, claim)).toThrow(
        expect.objectContaining({ code: 'codec-invalid' }),
      );
    }
  });
});

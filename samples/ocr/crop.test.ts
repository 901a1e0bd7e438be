import { describe, expect, it } from 'vitest';
import { LINE_HEIGHT, LINE_WIDTH, stackLines } from './crop.ts';

/** Red grows with x, green with y. */
function gradient(width: number, height: number) {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rgb.set([x, y, 7], (y * width + x) * 3);
  return { width, height, rgb, file: new Uint8Array() };
}

const pixelOf = (stack: { rgb: Uint8Array }, x: number, y: number) => {
  return [...stack.rgb.subarray((y * LINE_WIDTH + x) * 3, (y * LINE_WIDTH + x) * 3 + 3)];
};

describe('lines cut out and stacked', () => {
  it('are copied as they are at the height of a line, and padded on the right', () => {
    const stack = stackLines(gradient(200, 100), [{ left: 10, top: 20, right: 110, bottom: 68 }]);
    expect(stack).toMatchObject({ width: LINE_WIDTH, height: LINE_HEIGHT });
    expect([pixelOf(stack, 0, 0), pixelOf(stack, 99, 47)]).toEqual([
      [10, 20, 7],
      [109, 67, 7],
    ]);
    expect(pixelOf(stack, 100, 0)).toEqual([128, 128, 128]);
  });

  it('lie below one another, in the order of the boxes', () => {
    const boxes = [
      { left: 0, top: 0, right: 48, bottom: 48 },
      { left: 100, top: 0, right: 148, bottom: 48 },
    ];
    const stack = stackLines(gradient(200, 100), boxes);
    expect(stack.height).toBe(2 * LINE_HEIGHT);
    expect([pixelOf(stack, 0, 0)[0], pixelOf(stack, 0, LINE_HEIGHT)[0]]).toEqual([0, 100]);
  });

  it('are squeezed when they are too wide, and read only pixels of the box', () => {
    const stack = stackLines(gradient(240, 40), [{ left: 20, top: 10, right: 220, bottom: 20 }]);
    const reds = Array.from({ length: LINE_WIDTH }, (_, x) => pixelOf(stack, x, 0)[0] ?? 0);
    expect([reds[0], reds.at(-1)]).toEqual([20, 219]);
    expect(reds.every((red, x) => x === 0 || red >= (reds[x - 1] ?? 0))).toBe(true);
  });
});

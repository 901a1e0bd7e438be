import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Box, fitBox, inReadingOrder, unclip } from './box.ts';

const box = (left: number, top: number, width: number, height: number): Box => {
  return { left, top, right: left + width, bottom: top + height };
};

describe('boxes', () => {
  it('grow by area times ratio over perimeter on every side', () => {
    // 100 by 20: 2000 * 1.5 / 240 = 12.5
    expect(unclip(box(50, 40, 100, 20), 1.5)).toEqual({ left: 37.5, top: 27.5, right: 162.5, bottom: 72.5 });
  });

  it('are scaled, rounded and kept within the picture', () => {
    const fitted = fitBox(
      { left: -3, top: 1.3, right: 40, bottom: 9 },
      { x: 2, y: 2 },
      { width: 64, height: 32 },
    );
    expect(fitted).toEqual({ left: 0, top: 3, right: 64, bottom: 18 });
  });

  it('are read row by row, from the left within a row that is not quite level', () => {
    const [first, second, third] = [box(10, 12, 50, 20), box(80, 8, 50, 20), box(0, 40, 50, 20)];
    expect(inReadingOrder([third, second, first] as Box[])).toEqual([first, second, third]);
  });

  it('are all kept when they are put in order, whatever their order before', () => {
    const boxes = fc.array(
      fc.record({
        x: fc.nat(600),
        y: fc.nat(400),
        w: fc.integer({ min: 1, max: 99 }),
        h: fc.integer({ min: 1, max: 99 }),
      }),
    );
    fc.assert(
      fc.property(boxes, (list) => {
        const given = list.map(({ x, y, w, h }) => box(x, y, w, h));
        expect(new Set(inReadingOrder(given))).toEqual(new Set(given));
      }),
    );
  });
});

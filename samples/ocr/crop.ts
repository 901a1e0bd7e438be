/** Lines cut out of a picture, brought to one size and stacked: the recogniser's batch as one picture. */
import type { Box } from './box.ts';
import type { Picture } from './picture.ts';

export const LINE_HEIGHT = 48;
export const LINE_WIDTH = 320;
// With the recogniser's mean and deviation of 0.5 it is nearly nothing (0.004), as its padding was in training.
const PADDING = 128;

/** Lines below one another, each 320 by 48 pixels: the height is 48 times the number of boxes. */
export function stackLines(picture: Picture, boxes: readonly Box[]): Omit<Picture, 'file'> {
  const rgb = new Uint8Array(boxes.length * LINE_HEIGHT * LINE_WIDTH * 3).fill(PADDING);
  for (const [index, box] of boxes.entries()) drawLine(rgb, index * LINE_HEIGHT, picture, box);
  return { width: LINE_WIDTH, height: boxes.length * LINE_HEIGHT, rgb };
}

/** The box at a height of 48, keeping its proportions; one too wide is squeezed, a narrow one padded on the right. */
function drawLine(out: Uint8Array, firstRow: number, picture: Picture, box: Box): void {
  const ratio = (box.right - box.left) / (box.bottom - box.top);
  const width = Math.min(LINE_WIDTH, Math.max(1, Math.ceil(LINE_HEIGHT * ratio)));
  const columns = samplePoints(box.left, box.right, width);
  const rows = samplePoints(box.top, box.bottom, LINE_HEIGHT);
  for (const [y, row] of rows.entries()) {
    for (const [x, column] of columns.entries()) {
      drawPixel(out, ((firstRow + y) * LINE_WIDTH + x) * 3, picture, column, row);
    }
  }
}

/** Between which two pixels a sample lies, and how far from the first. */
interface SamplePoint {
  readonly first: number;
  readonly second: number;
  readonly part: number;
}

/** Middles of `count` equal parts of a range of pixels, between the middles of pixels. */
function samplePoints(from: number, to: number, count: number): SamplePoint[] {
  return Array.from({ length: count }, (_, index) => {
    const at = Math.min(to - 1, Math.max(from, from + ((index + 0.5) * (to - from)) / count - 0.5));
    const first = Math.floor(at);
    return { first, second: Math.min(to - 1, first + 1), part: at - first };
  });
}

/** Bilinear: four pixels by their nearness. */
function drawPixel(
  out: Uint8Array,
  at: number,
  { rgb, width }: Picture,
  x: SamplePoint,
  y: SamplePoint,
): void {
  const pixel = (row: number, column: number, channel: number) =>
    rgb[(row * width + column) * 3 + channel] ?? 0;
  for (let channel = 0; channel < 3; channel++) {
    const mix = (row: number) =>
      pixel(row, x.first, channel) * (1 - x.part) + pixel(row, x.second, channel) * x.part;
    out[at + channel] = Math.round(mix(y.first) * (1 - y.part) + mix(y.second) * y.part);
  }
}

/** What the text says: PP-OCRv4's recogniser on the lines that the detector found. */
import { normaliseImage } from '@cutpoint/sdk';
import type { Box } from './box.ts';
import { LINE_HEIGHT, LINE_WIDTH, stackLines } from './crop.ts';
import { decodeCtc, type Reading } from './ctc.ts';
import { type ModelInput, onlyOutput, type TextModel } from './model-input.ts';
import { encodeLossless, type Picture } from './picture.ts';

/** What the recogniser was trained with. */
const LAYOUT = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** One reading a box, in the boxes' order, empty ones included. There must be a box. */
export async function recogniseLines(
  picture: Picture,
  boxes: readonly Box[],
  { recogniser, alphabet }: { readonly recogniser: TextModel; readonly alphabet: readonly string[] },
): Promise<Reading[]> {
  const { data, dims } = onlyOutput(await recogniser(recogniserInput(picture, boxes)));
  const [lines = 0, steps = 0, classes = 0] = dims;
  if (lines !== boxes.length || classes !== alphabet.length) {
    const wanted = `${boxes.length} lines of ${alphabet.length} classes`;
    throw new Error(`the recogniser gave [${dims.join(', ')}], expected ${wanted}`);
  }
  const length = steps * classes;
  return boxes.map((_, index) => decodeCtc(data.subarray(index * length, (index + 1) * length), alphabet));
}

/** All lines as one batch. The picture that may be sent instead is lossless: the same input to the last bit. */
export function recogniserInput(picture: Picture, boxes: readonly Box[]): ModelInput {
  const stack = stackLines(picture, boxes);
  const dims = [boxes.length, 3, LINE_HEIGHT, LINE_WIDTH];
  const x = normaliseImage({ ...stack, channels: 3, data: stack.rgb }, { ...LAYOUT, dims });
  return { feeds: { x }, images: { x: { file: () => encodeLossless(stack), ...LAYOUT } } };
}

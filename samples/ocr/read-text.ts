/** The application: a picture in, lines of text out. It does not know where its two models run. */
import type { Box } from './box.ts';
import { detectText } from './detect.ts';
import type { TextModel } from './model-input.ts';
import { readAlphabet } from './models.ts';
import type { Picture } from './picture.ts';
import { recogniseLines } from './recognise.ts';

export type { ModelInput, TextModel } from './model-input.ts';

export interface TextLine {
  readonly text: string;
  /** Mean probability of its characters, 0.5 to 1. */
  readonly score: number;
  /** In the picture's pixels. */
  readonly box: Box;
}

const LEAST_SCORE = 0.5;

/** Lines in reading order; none for a picture without text. */
export async function readText(
  picture: Picture,
  { detector, recogniser }: { readonly detector: TextModel; readonly recogniser: TextModel },
): Promise<TextLine[]> {
  const boxes = await detectText(picture, detector);
  if (boxes.length === 0) return [];
  const readings = await recogniseLines(picture, boxes, { recogniser, alphabet: await readAlphabet() });
  return boxes.flatMap((box, index) => {
    const { text = '', score = 0 } = readings[index] ?? {};
    return text.trim() !== '' && score >= LEAST_SCORE ? [{ text, score, box }] : [];
  });
}

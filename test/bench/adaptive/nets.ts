/** The four nets of the adaptive suite, and how much slower than the bench machine the device is for each. */
import { alexnet } from '../../support/models/alexnet.ts';
import { mobilenetV2 } from '../../support/models/mobilenet-v2.ts';
import { ocrModels } from '../../support/models/ocr-models.ts';
import { resnet50 } from '../../support/models/resnet50.ts';
import type { PictureShape } from '../codec/pictures.ts';

export interface BenchNet {
  /** The plan's file, without its ending. */
  readonly name: string;
  readonly words: string;
  /** Of the only input. */
  readonly input: string;
  /** A path, or a file's bytes. */
  readonly file: string | Uint8Array;
  readonly shape: PictureShape;
  readonly deviceSlowdown: number;
}

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

export function benchNets(): readonly BenchNet[] {
  const square = { input: 'input', shape: { width: 224, height: 224, ...IMAGENET } };
  const random = 'random weights, a photograph as input';
  return [
    {
      ...square,
      name: 'mobilenetv2',
      words: `MobileNetV2 at 224x224, ${random}`,
      file: mobilenetV2.make({ scale: 1 }),
      deviceSlowdown: 12,
    },
    {
      ...square,
      name: 'resnet50',
      words: `ResNet-50 at 224x224, ${random}`,
      file: resnet50(),
      deviceSlowdown: 6,
    },
    {
      ...square,
      name: 'alexnet',
      words: `AlexNet at 224x224, ${random}`,
      file: alexnet.make({ scale: 1 }),
      deviceSlowdown: 8,
    },
    {
      name: 'ppocr-det',
      words: 'the PP-OCRv4 detector at 480x352, a photograph as input',
      input: 'x',
      file: ocrModels().det.path,
      shape: { width: 480, height: 352, ...IMAGENET },
      deviceSlowdown: 6,
    },
  ];
}

/** The seven nets of the paper suite, each with one input as its application has it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createImageDecoder } from '@cutpoint/cloud-gateway';
import sharp from 'sharp';
import { normaliseImage } from '../../../sdk/src/codec/normalise-image.ts';
import type { ImageInput } from '../../../sdk/src/session/run-arguments.ts';
import type { Tensors } from '../../../sdk/src/tensor.ts';
import { alexnet } from '../../support/models/alexnet.ts';
import type { Architecture } from '../../support/models/architecture.ts';
import { architectureFeeds } from '../../support/models/architecture-feeds.ts';
import { bert } from '../../support/models/bert.ts';
import { inceptionV3 } from '../../support/models/inception-v3.ts';
import { mobilenetV2 } from '../../support/models/mobilenet-v2.ts';
import { ocrModels } from '../../support/models/ocr-models.ts';
import { resnet50 } from '../../support/models/resnet50.ts';
import { vgg16 } from '../../support/models/vgg16.ts';

export interface PaperNet {
  /** As in `--model`. */
  readonly name: string;
  readonly title: string;
  /** Contents of the model's file. */
  bytes(): Uint8Array;
  input(): Promise<PaperInput>;
}

export interface PaperInput {
  readonly feeds: Tensors;
  /** The input as the application's picture file: the very same tensor. */
  readonly picture?: { readonly name: string; readonly image: ImageInput & { readonly file: Uint8Array } };
}

const PHOTOGRAPH = fileURLToPath(new URL('../../../samples/ocr/assets/street-sign.jpg', import.meta.url));
const QUALITY = 85;
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

export const PAPER_NETS: readonly PaperNet[] = [
  pictureNet('alexnet', alexnet),
  pictureNet('vgg16', vgg16),
  pictureNet('resnet50', { name: 'ResNet-50', make: resnet50 }),
  pictureNet('mobilenetv2', mobilenetV2),
  pictureNet('inceptionv3', inceptionV3, 299),
  {
    name: 'bert',
    title: bert.name,
    bytes: () => bert.make({ scale: 1 }),
    input: async () => ({ feeds: architectureFeeds(bert, { scale: 1 }) }),
  },
  {
    name: 'ppocr-det',
    title: 'PP-OCRv4 det',
    bytes: () => readFileSync(ocrModels().det.path),
    input: () => pictureInput('x', 640, 480),
  },
];

/** Real shapes, random weights. */
function pictureNet(name: string, net: Pick<Architecture, 'name' | 'make'>, side = 224): PaperNet {
  return {
    name,
    title: net.name,
    bytes: () => net.make({ scale: 1 }),
    input: () => pictureInput('input', side, side),
  };
}

/** What the application has is the JPEG file; the tensor is what the gateway would make of it. */
async function pictureInput(name: string, width: number, height: number): Promise<PaperInput> {
  const resized = sharp(PHOTOGRAPH).resize(width, height, { fit: 'cover' });
  const file = new Uint8Array(await resized.jpeg({ quality: QUALITY }).toBuffer());
  const dims = [1, 3, height, width];
  const pixels = await createImageDecoder()(file, { maxPixels: width * height, channels: 3 });
  const feeds = { [name]: normaliseImage(pixels, { dims, mean: MEAN, std: STD }) };
  return { feeds, picture: { name, image: { file, mean: MEAN, std: STD } } };
}

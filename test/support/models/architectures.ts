/** All generated architectures: the nets of the literature, and those that are hard to cut. */
import { alexnet } from './alexnet.ts';
import { type Architecture, pictures } from './architecture.ts';
import { bert, bertSpelt } from './bert.ts';
import { ifNet, loopNet, scanNet } from './control-flow.ts';
import { densenet121 } from './densenet121.ts';
import { gpt2 } from './gpt2.ts';
import { inceptionV3 } from './inception-v3.ts';
import { lstm } from './lstm.ts';
import { mobilenetV2 } from './mobilenet-v2.ts';
import { quantized } from './quantized.ts';
import { resnet18 } from './resnet18.ts';
import { resnet50 } from './resnet50.ts';
import { unet } from './unet.ts';
import { vgg16 } from './vgg16.ts';
import { vit } from './vit.ts';
import { yolo } from './yolo.ts';

const resnet: Architecture = {
  name: 'ResNet-50',
  make: resnet50,
  inputs: () => pictures(224),
  fullMegabytes: 102,
  smallScale: 1 / 8,
};

export const ARCHITECTURES: readonly Architecture[] = [
  alexnet,
  vgg16,
  resnet18,
  resnet,
  mobilenetV2,
  inceptionV3,
  densenet121,
  yolo,
  unet,
  bert,
  bertSpelt,
  vit,
  gpt2,
  lstm,
  quantized,
  ifNet,
  loopNet,
  scanNet,
];

/** What crosses a cut, as frames: each tensor in the arm's profile, or the input as the picture file that it came from. */
import type { Codec } from '../codec/codec.ts';
import { encodeImageFrame } from '../codec/image-frame.ts';
import { SplitError } from '../errors.ts';
import type { SplitArm } from '../planner/arm.ts';
import type { Tensors } from '../tensor.ts';
import type { NamedFrame } from '../transport/request-client.ts';
import type { ImageInput } from './run-arguments.ts';

type Images = Readonly<Record<string, ImageInput>> | undefined;

/** @throws SplitError `options-invalid` where the arm sends pictures and the caller gave none */
export function encodeFrontier(
  codec: Codec,
  arm: SplitArm,
  values: Tensors,
  images: Images,
): Promise<NamedFrame[]> {
  return Promise.all(
    arm.cut.tensors.map(async ({ name }) => {
      const tensor = values[name];
      if (tensor === undefined)
        throw new SplitError('internal', `the head did not make '${name}', which crosses the cut`);
      if (arm.profile !== 'image') return { name, frame: await codec.encode(tensor, arm.profile) };
      const image = images?.[name];
      if (image === undefined)
        throw new SplitError('options-invalid', `arm '${arm.id}' needs options.images['${name}']`);
      return { name, frame: await imageFrame(image, tensor.dims) };
    }),
  );
}

/** Whether the caller gave every input of the cut as a picture. */
export function hasImages(arm: SplitArm, images: Images): boolean {
  return arm.cut.tensors.every(({ name }) => images?.[name] !== undefined);
}

async function imageFrame(image: ImageInput, dims: readonly number[]): Promise<Uint8Array> {
  const bytes = typeof image.file === 'function' ? await image.file() : image.file;
  return encodeImageFrame({ bytes, dims, mean: image.mean, std: image.std });
}

/** What crosses a cut, as frames: each tensor in the arm's profile, or the input as the picture file that it came from. */
import type { Codec, Reference } from '../codec/codec.ts';
import { encodeImageFrame } from '../codec/image-frame.ts';
import { isSequenceProfile } from '../codec/profile.ts';
import { SplitError } from '../errors.ts';
import type { SplitArm } from '../planner/arm.ts';
import type { ExecutorResult } from '../runtime/executor/executor.ts';
import type { Tensor } from '../tensor.ts';
import type { NamedFrame } from '../transport/request-client.ts';
import type { NoiseStage } from './noise-stage.ts';
import type { ArmTables } from './planned-tables.ts';
import type { References } from './reference-frames.ts';
import type { ImageInput } from './run-arguments.ts';

type Images = Readonly<Record<string, ImageInput>> | undefined;

export interface FrontierFrames {
  readonly frames: NamedFrame[];
  /** What the next frames can build on; empty unless the arm's profile is one of a sequence. */
  readonly references: References;
}

/** What the head made: floats, or bytes where its graph quantises. */
export type FrontierValues = Pick<ExecutorResult, 'values' | 'quantised'>;

export interface FrontierMeans {
  readonly images: Images;
  /** What frames of a sequence may build on. */
  readonly known?: References;
  /** By name of the tensor: what frames may name, where they would bring their own. */
  readonly tables?: ArmTables;
  /** Put over all that is sent. */
  readonly noise?: NoiseStage | undefined;
}

/** @throws SplitError `options-invalid` where the arm sends pictures and the caller gave none */
export async function encodeFrontier(
  codec: Codec,
  arm: SplitArm,
  made: FrontierValues,
  { images, known, tables = {}, noise }: FrontierMeans,
): Promise<FrontierFrames> {
  const { values, quantised = {} } = noise?.over(made, arm) ?? made;
  const references = new Map<string, Reference>();
  const encodeOne = async (name: string): Promise<NamedFrame> => {
    const { profile } = arm;
    const bytes = quantised[name];
    if (bytes !== undefined && profile !== 'image')
      return { name, frame: await codec.encodeQuantised(bytes, profile, { tables: tables[name] }) };
    const tensor = values[name];
    if (tensor === undefined)
      throw new SplitError('internal', `the head did not make '${name}', which crosses the cut`);
    if (arm.profile === 'image') return { name, frame: await pictureOf(arm, images, { name, tensor }) };
    const means = { tables: tables[name], reference: known?.get(name) };
    if (!isSequenceProfile(arm.profile))
      return { name, frame: await codec.encode(tensor, arm.profile, means) };
    const { frame, reference } = await codec.encodeNext(tensor, arm.profile, means);
    references.set(name, reference);
    return { name, frame };
  };
  return { frames: await Promise.all(arm.cut.tensors.map(({ name }) => encodeOne(name))), references };
}

function pictureOf(
  arm: SplitArm,
  images: Images,
  { name, tensor }: { readonly name: string; readonly tensor: Tensor },
): Promise<Uint8Array> {
  const image = images?.[name];
  if (image === undefined)
    throw new SplitError('options-invalid', `arm '${arm.id}' needs options.images['${name}']`);
  return imageFrame(image, tensor.dims);
}

/** Whether the caller gave every input of the cut as a picture. */
export function hasImages(arm: SplitArm, images: Images): boolean {
  return arm.cut.tensors.every(({ name }) => images?.[name] !== undefined);
}

async function imageFrame(image: ImageInput, dims: readonly number[]): Promise<Uint8Array> {
  const bytes = typeof image.file === 'function' ? await image.file() : image.file;
  return encodeImageFrame({ bytes, dims, mean: image.mean, std: image.std });
}

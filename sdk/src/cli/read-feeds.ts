/** Feeds from a folder: for each input NAME.npy or NAME.pb, or input_0, input_1 ... in the inputs' order. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SplitError } from '../errors.ts';
import { decodeTensor } from '../onnx/tensor-values.ts';
import type { Tensor, TensorInfo, Tensors } from '../tensor.ts';
import { decodeNpy } from '../verify/npy.ts';

const ENDINGS: readonly string[] = ['.npy', '.pb'];

/** @throws SplitError `options-invalid` where an input has no file or a file cannot be read */
export async function readFeeds(folder: string, inputs: readonly TensorInfo[]): Promise<Tensors> {
  const files = await readdir(folder).catch((cause: unknown) => {
    throw new SplitError('options-invalid', `cannot list --inputs ${folder}: ${cause}`, { cause });
  });
  const feeds: Record<string, Tensor> = {};
  for (const [index, { name }] of inputs.entries()) feeds[name] = await readFeed(folder, files, name, index);
  return feeds;
}

async function readFeed(
  folder: string,
  files: readonly string[],
  name: string,
  index: number,
): Promise<Tensor> {
  // A name may hold what no file name can.
  const stems = [name, name.replaceAll(/[^\w.-]/g, '_'), `input_${index}`];
  const candidates = stems.flatMap((stem) => ENDINGS.map((ending) => `${stem}${ending}`));
  const file = candidates.find((candidate) => files.includes(candidate));
  if (file === undefined)
    throw new SplitError('options-invalid', `${folder} has none of ${[...new Set(candidates)].join(', ')}`);
  return readTensorFile(join(folder, file));
}

/** Whether a file's name ends as those that `readTensorFile` takes. */
export function isTensorFile(file: string): boolean {
  return ENDINGS.some((ending) => file.endsWith(ending));
}

/** @throws SplitError `options-invalid` */
export async function readTensorFile(path: string): Promise<Tensor> {
  try {
    const bytes = new Uint8Array(await readFile(path));
    return path.endsWith('.npy') ? decodeNpy(bytes) : decodeTensor(bytes).tensor;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SplitError('options-invalid', `${path}: ${why}`, { cause });
  }
}

/** Several inputs from files: one file, a folder that is one input, a folder of folders, or a folder of single tensors. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SplitError } from '../errors.ts';
import type { TensorInfo, Tensors } from '../tensor.ts';
import { isTensorFile, readFeeds, readTensorFile } from './read-feeds.ts';

/** At least one. @throws SplitError `options-invalid` where there is none, or a file cannot be read */
export async function readInputSets(path: string, infos: readonly TensorInfo[]): Promise<readonly Tensors[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new SplitError('options-invalid', `cannot read --inputs ${path}: ${cause}`, { cause });
  });
  if (!found.isDirectory()) return [await singleFeed(path, infos)];
  const entries = await readdir(path, { withFileTypes: true });
  const folders = namesOf(entries.filter((entry) => entry.isDirectory()));
  if (folders.length > 0) return Promise.all(folders.map((name) => readFeeds(join(path, name), infos)));
  const files = namesOf(entries.filter((entry) => entry.isFile() && isTensorFile(entry.name)));
  const [only, second] = infos;
  const isOneInput =
    second !== undefined || only === undefined || files.some((file) => isNamedFor(file, only));
  if (isOneInput) return [await readFeeds(path, infos)];
  if (files.length === 0) throw new SplitError('options-invalid', `--inputs ${path} has no .npy or .pb file`);
  return Promise.all(files.map((file) => singleFeed(join(path, file), infos)));
}

/** In an order that is the same on every machine. */
function namesOf(entries: readonly { readonly name: string }[]): readonly string[] {
  return entries.map(({ name }) => name).sort();
}

function isNamedFor(file: string, { name }: TensorInfo): boolean {
  const stem = file.replace(/\.[^.]*$/, '');
  return stem === name || stem === name.replaceAll(/[^\w.-]/g, '_');
}

async function singleFeed(path: string, infos: readonly TensorInfo[]): Promise<Tensors> {
  const [only, second] = infos;
  if (only && !second) return { [only.name]: await readTensorFile(path) };
  const names = infos.map(({ name }) => name).join(', ');
  throw new SplitError(
    'options-invalid',
    `--inputs ${path} is one file; the model takes ${names}: give a folder`,
  );
}

/** Files that a verb leaves behind: their places are looked at before work that may take minutes, and written after it. */
import { constants } from 'node:fs';
import { access, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SplitError } from '../errors.ts';

export interface ResultFlags {
  readonly out?: string;
  readonly html?: string;
}

/** @throws SplitError `options-invalid` where a file of the flags could not be written now */
export async function checkResultFiles({ out, html }: ResultFlags): Promise<void> {
  if (out !== undefined) await checkPlace('--out', out);
  if (html !== undefined) await checkPlace('--html', html);
}

/** @throws SplitError `storage-failed` */
export async function writeResult(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((cause: Error) => {
    throw new SplitError('storage-failed', `${path} cannot be written: ${cause.message}`, { cause });
  });
}

async function checkPlace(flag: string, path: string): Promise<void> {
  const folder = dirname(path);
  const refuse = (why: string) =>
    new SplitError('options-invalid', `${flag} ${path} cannot be written: ${why}`);
  if ((await kindOf(path)) === 'folder') throw refuse('it is a folder');
  if ((await kindOf(folder)) !== 'folder') throw refuse(`there is no folder ${folder}`);
  const isThere = (await kindOf(path)) === 'file';
  await access(isThere ? path : folder, constants.W_OK).catch((cause: Error) => {
    throw refuse(cause.message);
  });
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && (found.isDirectory() ? 'folder' : 'file');
}

/** A bundle as one file, to be carried where no network leads: a tar of its folder, by the system's own `tar`. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SplitError } from '@cutpoint/sdk';

const run = promisify(execFile);
/** As in a manifest; `./` is what tar itself writes. */
const NAME = /^(\.\/)?([A-Za-z0-9_][A-Za-z0-9_.-]*\/?){0,8}$/;

/** @throws SplitError `storage-failed` */
export async function packBundle(folder: string, file: string): Promise<void> {
  await tar(['-cf', file, '-C', folder, '.'], 'storage-failed');
}

/**
 * Into a folder below `state`; nobody believes what is in it before its manifest was verified.
 * @throws SplitError `bundle-invalid` for a file that holds anything but files under plain names
 */
export async function unpackBundle(
  file: string,
  state: string,
): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const names = await tar(['-tf', file]);
  const wrong = names.split('\n').find((name) => !NAME.test(name));
  if (wrong !== undefined) throw invalid(`${file} holds '${wrong}', which is no name in a bundle`);
  const kinds = await tar(['-tvf', file]);
  if (kinds.split('\n').some((line) => line !== '' && !/^[-d]/.test(line)))
    throw invalid(`${file} holds something that is no file`);
  const folder = join(state, 'incoming', randomBytes(6).toString('hex'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await mkdir(folder, { recursive: true });
    await tar(['-xf', file, '-C', folder, '--no-same-owner']);
    return { folder, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function tar(args: readonly string[], code: 'bundle-invalid' | 'storage-failed' = 'bundle-invalid') {
  try {
    return (await run('tar', args, { maxBuffer: 1 << 24, env: { ...process.env, LC_ALL: 'C' } })).stdout;
  } catch (cause) {
    const { stderr = '', message } = cause as { stderr?: string; message: string };
    throw new SplitError(code, `tar: ${stderr.trim() || message}`, { cause });
  }
}

function invalid(what: string): SplitError {
  return new SplitError('bundle-invalid', what);
}

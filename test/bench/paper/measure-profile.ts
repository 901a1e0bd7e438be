/** A profile as a user makes it: by the program `cutpoint`. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Profile, readProfile } from '../../../sdk/src/planner/profile.ts';
import { npyBytes } from '../../support/npy-files.ts';
import type { PaperInput } from './nets.ts';

const CUTPOINT = fileURLToPath(new URL('../../../sdk/src/cli/main.ts', import.meta.url));
/** No profile that loses more than eight bits do: what fewer do to an answer depends on the weights, and these are random. */
export const CODECS = ['float32', 'uint8', 'uint8+context'] as const;

export interface ProfileRequest {
  readonly model: string;
  readonly folder: string;
  readonly input: PaperInput;
  readonly threads: number;
  readonly maxCuts: number;
  /** Ids of cuts to time besides. */
  readonly cuts: readonly string[];
}

export async function measureProfile(request: ProfileRequest): Promise<Profile> {
  const { model, folder, input, threads, maxCuts, cuts } = request;
  const inputs = join(folder, 'inputs');
  await mkdir(inputs, { recursive: true });
  for (const [name, tensor] of Object.entries(input.feeds))
    await writeFile(join(inputs, `${name}.npy`), npyBytes(tensor));
  const flags = [
    '--threads',
    String(threads),
    '--max-cuts',
    String(maxCuts),
    '--codecs',
    CODECS.join(','),
    ...['--rounds', '3', '--pause', '0'],
  ];
  if (cuts.length > 0) flags.push('--cuts', ...cuts);
  if (input.picture) {
    const picture = join(folder, 'input.jpg');
    await writeFile(picture, input.picture.image.file);
    flags.push('--image', picture);
  }
  const out = join(folder, 'profile.json');
  await run('profile', model, '--inputs', inputs, ...flags, '--out', out);
  return readProfile(JSON.parse(await readFile(out, 'utf8')));
}

function run(...args: readonly string[]) {
  return promisify(execFile)(process.execPath, ['--conditions=@cutpoint/source', CUTPOINT, ...args], {
    maxBuffer: 2 ** 26,
  });
}

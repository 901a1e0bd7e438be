/** Who this device is to the broker: a name and a password, or certificates, read from their files. */
import { readFile } from 'node:fs/promises';
import { SplitError } from '@cutpoint/sdk';
import type { AgentConfig } from './config.ts';

export interface Login {
  readonly username?: string;
  readonly password?: string;
  /** PEM. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/** @throws SplitError `options-invalid` for a file that cannot be read */
export async function readLogin({ username, passwordFile, tls }: AgentConfig): Promise<Login> {
  const pem = tls && Object.entries(tls).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const read = pem && (await Promise.all(pem.map(async ([name, path]) => [name, await text(path)])));
  return {
    ...(username !== undefined && { username }),
    ...(passwordFile !== undefined && { password: (await text(passwordFile)).trimEnd() }),
    ...(read && { tls: Object.fromEntries(read) }),
  };
}

async function text(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as { code?: string }).code;
    throw new SplitError('options-invalid', `${path} cannot be read: ${code}`, { cause });
  }
}

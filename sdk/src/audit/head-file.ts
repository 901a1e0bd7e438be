/** The file beside an audit log that says where it ends, signed where there is a key. Without it nobody sees a cut end. */
import { sign, verify } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import type { TrustedKey } from '../bundle/signing-keys.ts';
import type { AuditHead } from './entry.ts';

export type KeptHead =
  | { readonly kind: 'none'; readonly head?: undefined }
  | { readonly kind: 'plain' | 'signed'; readonly head: AuditHead }
  | { readonly kind: 'false'; readonly why: string; readonly head?: undefined };

const HeadSchema = z.strictObject({
  sequence: z.int().nonnegative(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  keyId: z.string().max(64).optional(),
  signature: z.base64().max(128).optional(),
});

export function headPath(logPath: string): string {
  return `${logPath}.head`;
}

/** Over the old one in one step, on the disk before it returns. */
export async function writeHead(
  logPath: string,
  head: AuditHead,
  key: TrustedKey | undefined,
): Promise<void> {
  const signature = key && {
    keyId: key.keyId,
    signature: sign(null, signedBytes(head), key.key).toString('base64'),
  };
  const temporary = `${headPath(logPath)}.new`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(`${JSON.stringify({ ...head, ...signature })}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, headPath(logPath));
}

/** @param trusted with keys, only a head that one of them signed is believed */
export async function readHead(logPath: string, trusted?: readonly TrustedKey[]): Promise<KeptHead> {
  let text: string;
  try {
    text = await readFile(headPath(logPath), 'utf8');
  } catch {
    return trusted ? { kind: 'false', why: 'it is not there' } : { kind: 'none' };
  }
  const parsed = HeadSchema.safeParse(parseJson(text));
  if (!parsed.success) return { kind: 'false', why: 'it is not a head' };
  const { sequence, hash, keyId, signature } = parsed.data;
  const head = { sequence, hash };
  if (!trusted) return { kind: 'plain', head };
  const key = trusted.find((one) => one.keyId === keyId);
  if (!key || signature === undefined) return { kind: 'false', why: 'no trusted key has signed it' };
  const isGood = verify(null, signedBytes(head), key.key, Buffer.from(signature, 'base64'));
  return isGood ? { kind: 'signed', head } : { kind: 'false', why: 'its signature does not hold' };
}

function signedBytes({ sequence, hash }: AuditHead): Uint8Array {
  return new TextEncoder().encode(`cutpoint-audit-head-v1\n${sequence}\n${hash}\n`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

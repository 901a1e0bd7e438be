/** Signatures over a manifest, beside it in `bundle.sig.json`. What is signed is DSSE's encoding of it. */
import { sign, verify } from 'node:crypto';
import { z } from 'zod';
import { SplitError } from '../errors.ts';
import { dsseBytes } from './dsse.ts';
import { invalid, SIGNATURE_FILE } from './manifest.ts';
import type { TrustedKey } from './signing-keys.ts';

export interface BundleSignature {
  readonly keyId: string;
  /** Ed25519, base64. */
  readonly signature: string;
}

const PAYLOAD_TYPE = 'application/vnd.cutpoint.bundle.v1+json';
const MAX_SIGNATURES = 16;

const schema = z.strictObject({
  payloadType: z.literal(PAYLOAD_TYPE),
  signatures: z
    .array(z.strictObject({ keyId: z.string().max(64), signature: z.base64().max(128) }))
    .min(1)
    .max(MAX_SIGNATURES),
});

export function signManifest(manifest: Uint8Array, privateKey: TrustedKey): BundleSignature {
  const signature = sign(null, signedBytes(manifest), privateKey.key).toString('base64');
  return { keyId: privateKey.keyId, signature };
}

/**
 * One good signature of one trusted key is enough, so that keys can be changed without signing everything at once.
 * @returns the id of that key
 * @throws SplitError `signature-invalid`
 */
export function verifyManifest(
  manifest: Uint8Array,
  signatures: readonly BundleSignature[],
  trusted: readonly TrustedKey[],
): string {
  const bytes = signedBytes(manifest);
  for (const { keyId, signature } of signatures) {
    const known = trusted.find((key) => key.keyId === keyId);
    if (known && verify(null, bytes, known.key, Buffer.from(signature, 'base64'))) return keyId;
  }
  const ids = (keys: readonly { readonly keyId: string }[]) => keys.map(({ keyId }) => keyId).join(', ');
  const found = signatures.length === 0 ? 'it is not signed' : `it is signed by ${ids(signatures)}`;
  throw new SplitError(
    'signature-invalid',
    `no trusted key has signed the bundle as it is: ${found}; trusted are ${ids(trusted)}`,
  );
}

export function encodeSignatures(signatures: readonly BundleSignature[]): string {
  return `${JSON.stringify({ payloadType: PAYLOAD_TYPE, signatures }, null, 2)}\n`;
}

/** @throws SplitError `bundle-invalid` */
export function decodeSignatures(text: string): readonly BundleSignature[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(`${SIGNATURE_FILE} is not JSON`, cause);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data.signatures;
  throw invalid(`${SIGNATURE_FILE}: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`);
}

function signedBytes(manifest: Uint8Array): Uint8Array {
  return dsseBytes(PAYLOAD_TYPE, manifest);
}

/** Whether a descriptor was signed by a key that is trusted, by WebCrypto: the same in Node and in pages. */
import { dsseBytes } from '../bundle/dsse.ts';
import { SplitError } from '../errors.ts';
import { DESCRIPTOR_TYPE, type SignedDescriptor } from './descriptor.ts';

export interface GatewayKey {
  /** The first 16 hexadecimal digits of the SHA-256 of the public key in DER, as bundles have it. */
  readonly keyId: string;
  readonly key: CryptoKey;
}

/**
 * @param pem one public key or several, Ed25519, one after the other
 * @throws SplitError `options-invalid`, also where the platform's WebCrypto has no Ed25519
 */
export async function readGatewayKeys(pem: string): Promise<readonly GatewayKey[]> {
  const blocks = [...pem.matchAll(/-----BEGIN PUBLIC KEY-----([^-]+)-----END PUBLIC KEY-----/g)];
  if (blocks.length === 0) throw new SplitError('options-invalid', 'gatewayKeys: no public key in PEM');
  return Promise.all(blocks.map(([, body = '']) => readKey(body)));
}

async function readKey(body: string): Promise<GatewayKey> {
  try {
    const der = fromBase64(body.replaceAll(/\s/g, ''));
    const key = await crypto.subtle.importKey('spki', der, 'Ed25519', false, ['verify']);
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', der));
    const digits = Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0'));
    return { keyId: digits.join(''), key };
  } catch (cause) {
    throw new SplitError('options-invalid', 'gatewayKeys: a key is not Ed25519 in PEM', { cause });
  }
}

/** @returns the id of the key that signed it; `undefined` where no trusted one did */
export async function signerOf(
  { text, signatures }: SignedDescriptor,
  trusted: readonly GatewayKey[],
): Promise<string | undefined> {
  const bytes = dsseBytes(DESCRIPTOR_TYPE, new TextEncoder().encode(text));
  for (const { keyId, signature } of signatures) {
    const known = trusted.find((key) => key.keyId === keyId);
    if (known && (await crypto.subtle.verify('Ed25519', known.key, fromBase64(signature), bytes)))
      return keyId;
  }
  return undefined;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

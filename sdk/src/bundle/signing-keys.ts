/** Keys that sign bundles: Ed25519, as PEM. A key is known by its id, which is a digest of its public half. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { SplitError } from '../errors.ts';

export interface SigningKeyPair {
  readonly keyId: string;
  /** PKCS #8 in PEM. Keep it away from gateways and devices. */
  readonly privateKey: string;
  /** SPKI in PEM: what gateways and devices trust. */
  readonly publicKey: string;
}

/** A public key that is trusted. */
export interface TrustedKey {
  readonly keyId: string;
  readonly key: KeyObject;
}

const ID_DIGITS = 16;

export function generateSigningKeys(): SigningKeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    keyId: keyIdOf(publicKey),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
  };
}

/** @param pem one key or several, one after the other. @throws SplitError `options-invalid` */
export function readTrustedKeys(pem: string): readonly TrustedKey[] {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0) throw wrong('no public key in PEM');
  return blocks.map((block) => {
    const key = parse(() => createPublicKey(block));
    return { keyId: keyIdOf(key), key };
  });
}

/** @throws SplitError `options-invalid` */
export function readPrivateKey(pem: string): TrustedKey {
  const key = parse(() => createPrivateKey(pem));
  return { keyId: keyIdOf(createPublicKey(key)), key };
}

function parse(read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (cause) {
    throw wrong(`a key cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw wrong(`a key is ${key.asymmetricKeyType}; expected ed25519`);
}

function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, ID_DIGITS);
}

function wrong(what: string, cause?: unknown): SplitError {
  return new SplitError('options-invalid', what, { cause });
}

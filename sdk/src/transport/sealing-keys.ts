/** From a device's key to the keys of one of its runs: HKDF-SHA-256 into AES-256-GCM, by WebCrypto. */
import { SplitError } from '../errors.ts';

/** One for each direction: a result can never be taken for a request. */
export interface SealingKeys {
  readonly request: CryptoKey;
  readonly result: CryptoKey;
}

export const KEY_BYTES = 32;

/** Bytes by which a sealed payload is longer than the plain one. */
export const TAG_BYTES = 16;

/**
 * @param text base64url of 32 bytes
 * @throws SplitError `options-invalid`, which never shows the key
 */
export function parseKey(text: string, field: string): Uint8Array<ArrayBuffer> {
  const isText = /^[A-Za-z0-9_-]{43}=?$/.test(text);
  const bytes = isText ? fromBase64Url(text.slice(0, 43)) : undefined;
  if (bytes?.length === KEY_BYTES) return bytes;
  throw new SplitError(
    'options-invalid',
    `${field} has ${text.length} characters or others than base64url; expected ${KEY_BYTES} bytes, which are 43`,
  );
}

export async function deriveKeys(key: Uint8Array<ArrayBuffer>, salt: string): Promise<SealingKeys> {
  const base = await crypto.subtle.importKey('raw', key, 'HKDF', false, ['deriveKey']);
  const derive = (info: string) =>
    crypto.subtle.deriveKey(
      { name: 'HKDF', hash: 'SHA-256', salt: utf8(salt), info: utf8(info) },
      base,
      { name: 'AES-GCM', length: 256 },
      false,
      ['encrypt', 'decrypt'],
    );
  const [request, result] = await Promise.all([derive('cutpoint/1/request'), derive('cutpoint/1/result')]);
  return { request, result };
}

export interface SealContext {
  readonly key: CryptoKey;
  /** 12 bytes, never twice under one key. */
  readonly nonce: Uint8Array<ArrayBuffer>;
  /** What the seal vouches for besides the payload. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** The pieces one after the other, encrypted, and the tag. */
export async function sealBytes(
  { key, nonce, data }: SealContext,
  pieces: readonly Uint8Array[],
): Promise<Uint8Array> {
  const plain = joined(pieces);
  const how = { name: 'AES-GCM', iv: nonce, additionalData: data };
  return new Uint8Array(await crypto.subtle.encrypt(how, key, plain));
}

/** @throws SplitError `decryption-failed` where key, bytes or what the seal vouches for differ: it cannot be told which */
export async function openBytes({ key, nonce, data }: SealContext, sealed: Uint8Array): Promise<Uint8Array> {
  try {
    const how = { name: 'AES-GCM', iv: nonce, additionalData: data };
    return new Uint8Array(await crypto.subtle.decrypt(how, key, joined([sealed])));
  } catch (cause) {
    const text = `the seal of ${sealed.length} bytes does not hold: another key, or a changed message`;
    throw new SplitError('decryption-failed', text, { cause });
  }
}

/** The number as 12 bytes, most significant first. */
export function sequenceNonce(sequence: number): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, BigInt(sequence));
  return nonce;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(text));
}

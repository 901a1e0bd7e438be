/** Signing a descriptor: on the desk of whoever answers for the gateway. In Node. */
import { sign } from 'node:crypto';
import { dsseBytes } from '../bundle/dsse.ts';
import { readPrivateKey } from '../bundle/signing-keys.ts';
import {
  checkDescriptor,
  DESCRIPTOR_TYPE,
  type GatewayDescriptor,
  type SignedDescriptor,
} from './descriptor.ts';

/**
 * @param pem private key, Ed25519, PKCS #8
 * @throws SplitError `options-invalid` for a descriptor that no device would take, or a key that cannot be read
 */
export function signDescriptor(
  descriptor: Omit<GatewayDescriptor, 'format' | 'formatVersion'>,
  pem: string,
): SignedDescriptor {
  const { keyId, key } = readPrivateKey(pem);
  const text = JSON.stringify(
    checkDescriptor({ format: 'cutpoint-gateway', formatVersion: 1, ...descriptor }),
  );
  const signature = sign(null, dsseBytes(DESCRIPTOR_TYPE, new TextEncoder().encode(text)), key);
  return { text, signatures: [{ keyId, signature: signature.toString('base64') }] };
}

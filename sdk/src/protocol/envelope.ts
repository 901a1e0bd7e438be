/** Every MQTT payload of this protocol: `[u32 header length, little endian][CBOR header][payload]`. */
import { SplitError } from '../errors.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { MAX_HEADER_BYTES } from './limits.ts';

const LENGTH_BYTES = 4;

export interface Envelope {
  readonly header: unknown;
  /** A view of the bytes that were decoded. */
  readonly payload: Uint8Array;
}

/** @throws SplitError `payload-too-large` when the header exceeds 4096 bytes of CBOR */
export function encodeEnvelope(header: object, payload: readonly Uint8Array[] = []): Uint8Array {
  const head = encodeHeader(header);
  const payloadBytes = payload.reduce((sum, piece) => sum + piece.length, 0);
  const bytes = new Uint8Array(LENGTH_BYTES + head.length + payloadBytes);
  new DataView(bytes.buffer).setUint32(0, head.length, true);
  bytes.set(head, LENGTH_BYTES);
  let at = LENGTH_BYTES + head.length;
  for (const piece of payload) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** @throws SplitError `message-invalid` */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const claimed = bytes.length < LENGTH_BYTES ? 0 : readLength(bytes);
  const limit = Math.min(MAX_HEADER_BYTES, bytes.length - LENGTH_BYTES);
  if (claimed < 1 || claimed > limit) {
    throw new SplitError(
      'message-invalid',
      `header of ${claimed} bytes in a message of ${bytes.length}; 1 to ${MAX_HEADER_BYTES} fit`,
    );
  }
  const end = LENGTH_BYTES + claimed;
  return { header: decodeCbor(bytes.subarray(LENGTH_BYTES, end)), payload: bytes.subarray(end) };
}

/** Bytes that a header takes in an envelope, its length field included. */
export function headerBytes(header: object): number {
  return LENGTH_BYTES + encodeHeader(header).length;
}

function encodeHeader(header: object): Uint8Array {
  const head = encodeCbor(header);
  if (head.length <= MAX_HEADER_BYTES) return head;
  throw new SplitError('payload-too-large', `header of ${head.length} bytes exceeds ${MAX_HEADER_BYTES}`);
}

function readLength(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES).getUint32(0, true);
}

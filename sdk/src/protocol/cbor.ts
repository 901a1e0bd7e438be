/** CBOR as this protocol uses it: plain maps, arrays, strings, numbers and booleans. No tags, no records, nothing shared. */
import { Encoder } from 'cbor-x';
import { SplitError } from '../errors.ts';
import { scanCbor } from './cbor-scan.ts';

const CBOR = new Encoder({
  useRecords: false,
  tagUint8Array: false,
  variableMapSize: true,
  mapsAsObjects: true,
});

/** A copy of its own: the encoder hands out views of a pool. */
export function encodeCbor(value: unknown): Uint8Array {
  return Uint8Array.from(CBOR.encode(value));
}

/** @throws SplitError `message-invalid` for anything that the protocol would not have written */
export function decodeCbor(bytes: Uint8Array): unknown {
  // The decoder honours tags that are slow or cyclic, so none reaches it.
  scanCbor(bytes);
  try {
    return CBOR.decode(bytes);
  } catch (cause) {
    throw new SplitError('message-invalid', `${bytes.length} bytes are not CBOR`, { cause });
  }
}

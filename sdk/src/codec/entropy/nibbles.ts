/** Symbols of four bits, two a byte: the first in the lower half. */
import { SplitError } from '../../errors.ts';

/** @param symbols each below 16 */
export function packNibbles(symbols: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(symbols.length / 2));
  for (let i = 0; i < symbols.length; i++) {
    bytes[i >> 1] = (bytes[i >> 1] as number) | ((symbols[i] as number) << (4 * (i & 1)));
  }
  return bytes;
}

/** @throws SplitError `codec-invalid` when half a byte is left and not zero */
export function unpackNibbles(bytes: Uint8Array, count: number): Uint8Array {
  const symbols = new Uint8Array(count);
  for (let i = 0; i < count; i++) symbols[i] = ((bytes[i >> 1] as number) >> (4 * (i & 1))) & 15;
  const rest = count % 2 === 1 ? (bytes[count >> 1] as number) >> 4 : 0;
  if (rest === 0) return symbols;
  throw new SplitError('codec-invalid', `the half byte behind ${count} symbols is ${rest}`);
}

/** Whole numbers up to 35 bits in few bytes: 7 bits a byte, lowest first, 128 added where more come. */
import { SplitError } from '../errors.ts';

const MAX_BYTES = 5;

export function varintBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  // Divided, not shifted: a shift would lose what is above 32 bits.
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

/** The number that `bytes` begin with, and how many it took. @throws SplitError `codec-invalid` when it does not end */
export function readVarint(bytes: Uint8Array): { readonly value: number; readonly length: number } {
  let value = 0;
  for (let length = 0; length < MAX_BYTES; length++) {
    const byte = bytes[length];
    if (byte === undefined) break;
    value += (byte & 127) * 2 ** (7 * length);
    if (byte < 128) return { value, length: length + 1 };
  }
  throw new SplitError(
    'codec-invalid',
    `a number that begins with ${bytes.slice(0, MAX_BYTES).join(' ')} does not end`,
  );
}

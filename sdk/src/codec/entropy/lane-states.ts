/**
 * The lanes' states in few bytes: for each 4 bits that say how long it is, then its bits below the highest. Lowest bits come
 * first, the last byte is filled with zeros. A state has 16 to 31 bits, of which few have all.
 */
import { SplitError } from '../../errors.ts';
import { LANES } from './grid.ts';

const LENGTH_BITS = 4;
/** Of the shortest state. */
const LEAST_BITS = 16;

export function writeStates(states: Uint32Array): Uint8Array {
  const bits: number[] = [];
  const push = (value: number, count: number) => {
    for (let bit = 0; bit < count; bit++) bits.push((value >>> bit) & 1);
  };
  for (const state of states) {
    const length = 32 - Math.clz32(state);
    push(length - LEAST_BITS, LENGTH_BITS);
    push(state, length - 1);
  }
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [index, bit] of bits.entries())
    bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (bit << (index & 7));
  return bytes;
}

/** Also says how many bytes they took. @throws SplitError `codec-invalid` */
export function readStates(bytes: Uint8Array): { readonly states: Uint32Array; readonly length: number } {
  let at = 0;
  const next = (count: number) => {
    let value = 0;
    for (let bit = 0; bit < count; bit++, at++) value |= (((bytes[at >> 3] ?? 0) >> (at & 7)) & 1) << bit;
    return value;
  };
  const states = Uint32Array.from({ length: LANES }, () => {
    const below = next(LENGTH_BITS) + LEAST_BITS - 1;
    return 2 ** below + next(below);
  });
  const length = Math.ceil(at / 8);
  if (length > bytes.length) throw invalid(`states of ${length} bytes in ${bytes.length}`);
  if (next(8 * length - at) !== 0) throw invalid('bits behind the states that are not zero');
  return { states, length };
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', `rans: ${what}`);
}

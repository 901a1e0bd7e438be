/**
 * A reference: the symbols of a tensor that both sides have, from which the next one of its kind is foretold. Its id is
 * made of what it holds, so a decoder cannot take one for another, and equal frames are one reference.
 */
import type { TensorType } from '../../tensor.ts';
import type { Frame } from '../frame.ts';

/** Bytes of an id. */
export const REFERENCE_ID_BYTES = 8;

export interface Reference {
  /** Sixteen hexadecimal digits. */
  readonly id: string;
  readonly numberFormat: number;
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly parameters: Uint8Array;
  /** As the number format gave them. Not to be changed. */
  readonly symbols: Uint8Array;
}

type Kind = Pick<Frame, 'numberFormat' | 'type' | 'dims' | 'parameters'>;

/** Copies what it keeps: symbols may be a view of memory that its owner uses again. */
export function makeReference(
  { numberFormat, type, dims, parameters }: Kind,
  symbols: Uint8Array,
): Reference {
  const own = new Uint8Array(symbols);
  return {
    id: contentId(own),
    ...{ numberFormat, type, dims: [...dims] },
    parameters: new Uint8Array(parameters),
    symbols: own,
  };
}

/** Whether symbols of such a frame mean the same as the reference's: same format with the same scale, same shape. */
export function isComparable(reference: Reference, kind: Kind): boolean {
  return (
    reference.numberFormat === kind.numberFormat &&
    reference.type === kind.type &&
    isSame(reference.dims, kind.dims) &&
    isSame(reference.parameters, kind.parameters)
  );
}

function isSame(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function idBytes({ id }: Reference): Uint8Array {
  return Uint8Array.from({ length: REFERENCE_ID_BYTES }, (_, i) =>
    Number.parseInt(id.slice(2 * i, 2 * i + 2), 16),
  );
}

export function idOfBytes(bytes: Uint8Array): string {
  return [...bytes.subarray(0, REFERENCE_ID_BYTES)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}

/** Two multiplicative hashes of 32 bits over words; it guards against mistakes, not against forgery by the sender. */
function contentId(symbols: Uint8Array): string {
  let a = 0x811c_9dc5 ^ symbols.length;
  let b = (0x9e37_79b9 + symbols.length) | 0;
  const view = new DataView(symbols.buffer, symbols.byteOffset, symbols.byteLength);
  for (let at = 0; at < symbols.length; at += 4) {
    const word = at + 4 <= symbols.length ? view.getInt32(at, true) : lastWord(symbols, at);
    a = Math.imul(a ^ word, 0x0100_0193);
    a ^= a >>> 15;
    b = Math.imul(b + word, 0x85eb_ca6b);
    b = ((b << 13) | (b >>> 19)) ^ a;
  }
  return [a, b].map((half) => (finish(half) >>> 0).toString(16).padStart(8, '0')).join('');
}

function lastWord(symbols: Uint8Array, at: number): number {
  return symbols.subarray(at).reduce((word, symbol, index) => word | (symbol << (8 * index)), 0);
}

/** Every bit of the result depends on every bit of the sum. */
function finish(value: number): number {
  const once = Math.imul(value ^ (value >>> 16), 0x7feb_352d);
  const twice = Math.imul(once ^ (once >>> 15), 0x846c_a68b);
  return twice ^ (twice >>> 16);
}

/**
 * float16: float32 rounded to the nearest half, ties to even, subnormals included. 2 bytes an element.
 * NaN stays NaN, infinities and the sign of zero stay. A tensor with a finite value of 65520 or more in size,
 * which would become infinite, is not taken and travels raw.
 */

import type { Tensor } from '../../tensor.ts';
import { tensorFromBytes } from '../../tensor.ts';
import { NUMBER_FORMAT_IDS } from '../frame.ts';
import type { NumberFormat, Symbols } from './number-format.ts';
import { refuseUnless } from './number-format.ts';

export function float16Format(): NumberFormat {
  return {
    id: NUMBER_FORMAT_IDS.float16,
    symbolBits: (type) => (type === 'float32' ? 16 : undefined),
    refuseParameters: (bytes) => refuseUnless(0, bytes),
    encode,
    decode: ({ payload }, type, dims) => {
      const halves = tensorFromBytes('float16', dims, payload).data as Uint16Array;
      return { type, dims, data: halvesToFloats(halves) };
    },
  };
}

function encode({ type, data }: Tensor): Symbols | undefined {
  if (type !== 'float32') return undefined;
  const floats = data as Float32Array;
  const halves = new Uint16Array(floats.length);
  if (!floatsToHalves(floats, halves)) return undefined;
  return { parameters: new Uint8Array(0), payload: new Uint8Array(halves.buffer) };
}

// Bits of float32 without the sign.
const INFINITY = 0x7f80_0000;
const SMALLEST_OVERFLOW = 0x477f_f000; // 65520: half-way from the largest half to the next
const SMALLEST_NORMAL_HALF = 0x3880_0000; // 2^-14
const REBIAS = 0x3800_0000; // exponent bias 127 to 15

/** Writes each float's nearest half into `halves`; false when a finite value became infinite. */
export function floatsToHalves(floats: Float32Array, halves: Uint16Array): boolean {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  let hasOverflowed = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    const size = word & 0x7fff_ffff;
    const sign = (word >>> 16) & 0x8000;
    if (size !== 0 && size < SMALLEST_NORMAL_HALF) {
      halves[i] = sign | roundSubnormal(size);
    } else if (size < SMALLEST_OVERFLOW) {
      // Add just under half a unit, and the last bit kept, so that ties go to even; a carry raises the exponent.
      const rounded = (size - REBIAS + 0xfff + ((size >>> 13) & 1)) >>> 13;
      // Zero comes here too, and the mask clears it: half of a ReLU's output is zero, no branch would foresee which.
      halves[i] = sign | (rounded & (-size >> 31));
    } else {
      hasOverflowed ||= size < INFINITY;
      halves[i] = sign | (size <= INFINITY ? 0x7c00 : 0x7e00 | ((size >>> 13) & 0x3ff));
    }
  }
  return !hasOverflowed;
}

/** Nearest multiple of 2^-24, as its count; 0x400 when that is the smallest normal half. */
function roundSubnormal(size: number): number {
  const shift = 126 - (size >>> 23);
  // Below 2^-25 all is zero; a float32 subnormal, which has no hidden bit, is far below.
  if (shift > 24) return 0;
  const significand = (size & 0x7f_ffff) | 0x80_0000;
  const count = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (count & 1) === 1) ? count + 1 : count;
}

/** Exact. */
export function halvesToFloats(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(halves.length);
  const words = new Uint32Array(floats.buffer);
  let specials = 0;
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i] as number;
    words[i] = ((half & 0x8000) << 16) | ((half & 0x7fff) << 13);
    // 1 where the exponent is all ones.
    specials += ((half & 0x7fff) + 0x400) >>> 15;
  }
  // The exponent was read with float32's bias; a power of two mends that, subnormals included.
  for (let i = 0; i < floats.length; i++) floats[i] = (floats[i] as number) * 2 ** 112;
  if (specials > 0) restoreSpecials(halves, words);
  return floats;
}

/** Infinities and NaN, which the power of two made finite. */
function restoreSpecials(halves: Uint16Array, words: Uint32Array): void {
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i] as number;
    if ((half & 0x7c00) === 0x7c00) words[i] = ((half & 0x8000) << 16) | INFINITY | ((half & 0x3ff) << 13);
  }
}

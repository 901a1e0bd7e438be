/**
 * bfloat16: the upper half of a float32, rounded to nearest, ties to even. 2 bytes an element.
 * Every range is kept, and 8 significant bits. NaN stays NaN; the very largest values may become infinite, and a tensor
 * with one that does is not taken and travels raw.
 */
import type { Tensor } from '../../tensor.ts';
import { tensorFromBytes } from '../../tensor.ts';
import { NUMBER_FORMAT_IDS } from '../frame.ts';
import type { NumberFormat, Symbols } from './number-format.ts';
import { refuseUnless } from './number-format.ts';

const INFINITY = 0x7f80_0000;
const QUIET = 0x0040;

export function bfloat16Format(): NumberFormat {
  return {
    id: NUMBER_FORMAT_IDS.bfloat16,
    symbolBits: (type) => (type === 'float32' ? 16 : undefined),
    refuseParameters: (bytes) => refuseUnless(0, bytes),
    encode,
    decode: ({ payload }, type, dims) => {
      const halves = tensorFromBytes('uint16', dims, payload).data as Uint16Array;
      const words = new Uint32Array(halves.length);
      for (let i = 0; i < halves.length; i++) words[i] = (halves[i] as number) << 16;
      return { type, dims, data: new Float32Array(words.buffer) };
    },
  };
}

function encode({ type, data }: Tensor): Symbols | undefined {
  if (type !== 'float32') return undefined;
  const words = new Uint32Array(data.buffer as ArrayBuffer, data.byteOffset, data.length);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    const size = word & 0x7fff_ffff;
    const rounded = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
    if (size < INFINITY && (rounded & 0x7fff) === INFINITY >>> 16) return undefined;
    // Rounding could carry a NaN into the sign; its quiet bit keeps it one.
    halves[i] = size > INFINITY ? (word >>> 16) | QUIET : rounded;
  }
  return { parameters: new Uint8Array(0), payload: new Uint8Array(halves.buffer) };
}

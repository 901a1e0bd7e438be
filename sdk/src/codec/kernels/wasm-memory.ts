/** The kernels' one memory: what they export, where things lie, and room for arrays. */
import { SplitError } from '../../errors.ts';
import { LANES } from '../entropy/grid.ts';

/** What kernels.as exports. Its pointers are byte offsets into `memory`. */
export interface KernelExports {
  readonly memory: WebAssembly.Memory;
  range(values: number, count: number, out: number): void;
  quantise(values: number, count: number, symbols: number, inverse: number, zero: number, max: number): void;
  dequantise(symbols: number, count: number, values: number, scale: number, zeroPoint: number): void;
  toLanes(symbols: number, lanes: number, ...rest: number[]): void;
  fromLanes(lanes: number, symbols: number, ...rest: number[]): void;
  count(model: number, lanes: number, ...rest: number[]): void;
  buildEncoder(contexts: number): void;
  buildDecoder(contexts: number): void;
  buildShuffles(): void;
  encode(model: number, lanes: number, ...rest: number[]): void;
  decode(model: number, lanes: number, ...rest: number[]): number;
}

// Fixed places, as in memory.as, which has more between them; a tensor's own data begin at DATA.
export const IDLE_MASKS = 1536;
export const THRESHOLDS = 1600;
export const OUT = 2304;
export const STEPS = 2432;
export const CELLS = 2496;
export const FREQUENCIES = 4096;
export const ENERGY_STEPS = 29_696;
export const ENERGY_HIGH = 30_720;
export const ENERGY_CELLS = 32_768;
export const COUNTS = 36_864;
export const DATA = 327_680;

export const PAGE_BYTES = 65_536;
/** Vectors are read and written whole: this much may be touched behind any array. */
export const GUARD_BYTES = 128;

/** Places for arrays of the given sizes in bytes, one behind the other; what they held before is lost. */
export function reserve<const T extends readonly number[]>(
  wasm: KernelExports,
  sizes: T,
): { [K in keyof T]: number } {
  let end = DATA;
  const places = sizes.map((bytes) => {
    const place = end;
    end = Math.ceil((end + bytes + GUARD_BYTES) / LANES) * LANES;
    return place;
  });
  const missing = end - wasm.memory.buffer.byteLength;
  if (missing > 0) grow(wasm, missing);
  return places as { [K in keyof T]: number };
}

function grow({ memory }: KernelExports, bytes: number): void {
  try {
    memory.grow(Math.ceil(bytes / PAGE_BYTES));
  } catch (cause) {
    throw new SplitError('codec-invalid', `no memory for ${memory.buffer.byteLength + bytes} bytes`, {
      cause,
    });
  }
}

// Growing detaches every view of the memory, so views are made where they are used and never kept.
export function bytesAt(wasm: KernelExports, at: number, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(wasm.memory.buffer as ArrayBuffer, at, length);
}

export function floatsAt(wasm: KernelExports, at: number, length: number): Float32Array<ArrayBuffer> {
  return new Float32Array(wasm.memory.buffer as ArrayBuffer, at, length);
}

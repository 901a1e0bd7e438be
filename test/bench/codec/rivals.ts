/** What others make of the same symbols: order-0 entropy, deflate, zstd and lz4, on bytes and on packed nibbles. */
import { constants, deflateRawSync, zstdCompressSync } from 'node:zlib';
import { compressSync as lz4CompressSync } from 'lz4-napi';
import { packNibbles } from '../../../sdk/src/codec/entropy/nibbles.ts';

export interface RivalBytes {
  readonly order0: number;
  readonly deflate6: number;
  readonly lz4: number;
  /** The least of levels 1, 3 and 9; for symbols below 16 on packed nibbles too. */
  readonly zstdUpTo9: number;
  readonly zstd19: number;
}

export function rivalBytes(symbols: Uint8Array): RivalBytes {
  const isNarrow = symbols.every((symbol) => symbol < 16);
  const forms = isNarrow ? [symbols, packNibbles(symbols)] : [symbols];
  const least = (pack: (form: Uint8Array) => number) => Math.min(...forms.map(pack));
  return {
    order0: order0Bytes(symbols),
    deflate6: least((form) => deflateRawSync(form, { level: 6 }).length),
    lz4: least((form) => lz4CompressSync(Buffer.from(form)).length),
    zstdUpTo9: least((form) => Math.min(...[1, 3, 9].map((level) => zstdBytes(form, level)))),
    zstd19: least((form) => zstdBytes(form, 19)),
  };
}

function zstdBytes(bytes: Uint8Array, level: number): number {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level } }).length;
}

/** Shannon's limit for symbols that know nothing of each other; the table that says how often each comes is free. */
export function order0Bytes(symbols: Uint8Array): number {
  const counts = new Uint32Array(256);
  for (const symbol of symbols) counts[symbol] = (counts[symbol] ?? 0) + 1;
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= count * Math.log2(count / symbols.length);
  return bits / 8;
}

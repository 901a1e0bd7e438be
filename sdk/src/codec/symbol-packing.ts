/** The second half of the codec: symbols to a frame's payload and back, by the entropy coding's number. */
import { SplitError } from '../errors.ts';
import type { CalibratedTables } from './entropy/calibrated-tables.ts';
import type { Deflate } from './entropy/deflate.ts';
import { pack, unpack } from './entropy/deflate.ts';
import { MAX_CONTEXTS, MAX_TABLES } from './entropy/neighbours.ts';
import { packNibbles, unpackNibbles } from './entropy/nibbles.ts';
import { packRans, unpackRans } from './entropy/rans.ts';
import { unpackZstd, type Zstd } from './entropy/zstd.ts';
import { ENTROPY_IDS } from './frame.ts';
import type { Kernels } from './kernels/kernels.ts';

const { none, deflate, zstd, rans, contextRans } = ENTROPY_IDS;

export interface Packers {
  readonly deflate: Deflate;
  readonly zstd?: Zstd | undefined;
  readonly kernels: Kernels;
  /** Calibrated tables by their number. */
  findTables(id: number): CalibratedTables | undefined;
}

export interface SymbolArray {
  /** As a number format gives them: one byte for each symbol of less. */
  readonly symbols: Uint8Array;
  readonly symbolBits: number;
  readonly dims: readonly number[];
}

export interface PackedSymbols {
  readonly entropy: number;
  readonly payload: Uint8Array;
}

/** By the coding that is asked for where it makes fewer bytes, else as they are. */
export async function packSymbols(
  { symbols, symbolBits, dims }: SymbolArray,
  packers: Packers,
  { entropy, tables }: { readonly entropy: number; readonly tables?: CalibratedTables | undefined },
): Promise<PackedSymbols> {
  const plain = symbolBits === 4 ? packNibbles(symbols) : symbols;
  const payload = await tryToPack();
  return payload && payload.length < plain.length ? payload : { entropy: none, payload: plain };

  async function tryToPack(): Promise<(PackedSymbols & { length: number }) | undefined> {
    const used = usedEntropy(entropy, symbolBits, packers);
    if (used === none || plain.length === 0) return undefined;
    const bytes = await packBytes(used);
    return bytes && { entropy: used, payload: bytes, length: bytes.length };
  }

  async function packBytes(used: number): Promise<Uint8Array | undefined> {
    if (used === deflate) return pack(packers.deflate, plain);
    if (used === zstd) return packers.zstd?.compress(plain);
    const maxContexts = used === rans ? 1 : MAX_CONTEXTS;
    return packRans(symbols, dims, { kernels: packers.kernels, tables, maxContexts });
  }
}

/** Wide symbols have no tables, and not every platform has zstd: deflate packs both. */
function usedEntropy(entropy: number, symbolBits: number, packers: Packers): number {
  const isMissing =
    (entropy === zstd && packers.zstd === undefined) ||
    ((entropy === rans || entropy === contextRans) && symbolBits > 8);
  return isMissing ? deflate : entropy;
}

/** @throws SplitError `codec-invalid` unless the payload holds exactly the symbols of this shape */
export async function unpackSymbols(
  { entropy, payload }: PackedSymbols,
  {
    count,
    symbolBits,
    dims,
  }: { readonly count: number; readonly symbolBits: number; readonly dims: readonly number[] },
  packers: Packers,
): Promise<Uint8Array> {
  if (entropy === rans || entropy === contextRans) {
    if (symbolBits > 8) throw invalid(`symbols of ${symbolBits} bits have no tables`);
    const maxTables = entropy === rans ? 1 : MAX_TABLES;
    const symbols = unpackRans(payload, dims, { ...packers, maxTables });
    return symbolBits === 4 ? checkNibbles(symbols) : symbols;
  }
  const plain = await unpackBytes({ entropy, payload }, Math.ceil((count * symbolBits) / 8), packers);
  return symbolBits === 4 ? unpackNibbles(plain, count) : plain;
}

async function unpackBytes(
  { entropy, payload }: PackedSymbols,
  exactBytes: number,
  packers: Packers,
): Promise<Uint8Array> {
  if (entropy === deflate) return unpack(packers.deflate, payload, exactBytes);
  if (entropy === zstd) return unpackZstd(packers.zstd, payload, exactBytes);
  if (entropy !== none) throw invalid(`entropy coding ${entropy} is not known`);
  if (payload.length !== exactBytes) throw invalid(`a payload of ${payload.length} bytes, not ${exactBytes}`);
  return payload;
}

function checkNibbles(symbols: Uint8Array): Uint8Array {
  const wrong = symbols.find((symbol) => symbol > 15);
  if (wrong !== undefined) throw invalid(`a symbol of ${wrong} in four bits`);
  return symbols;
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', what);
}

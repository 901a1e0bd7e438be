/**
 * Symbols packed by range coding (rANS) in sixteen lanes, as the payload of a frame:
 *
 * | bytes    | field                                                                       |
 * |----------|-----------------------------------------------------------------------------|
 * | 1        | 2: the tables follow. 3: the number of calibrated tables follows            |
 * | n or 4   | tables (coder-tables.ts), or their number                                   |
 * | 1 to 5   | how many escapes there are; 7 bits a byte, lowest first, 128 where more come |
 * | 38 to 68 | states of the lanes (lane-states.ts)                                        |
 * | 2 each   | words                                                                       |
 * | the rest | escapes                                                                     |
 *
 * All little-endian. A first byte of 0 or 1 is an earlier release's 2 or 3, with states of 32 bits each. Every lane's last state is known, so damage seldom goes unnoticed.
 */
import { SplitError } from '../../errors.ts';
import type { CodedSymbols, Kernels } from '../kernels/kernels.ts';
import { readVarint, varintBytes } from '../varint.ts';
import type { CalibratedTables } from './calibrated-tables.ts';
import type { CoderTables } from './coder-tables.ts';
import { readTables, writeTables } from './coder-tables.ts';
import { fitTables } from './fit-tables.ts';
import type { Grid } from './grid.ts';
import { gridOf, groupCount, LANES, usualLayout } from './grid.ts';
import { readStates, writeStates } from './lane-states.ts';

/** Flags of the first byte. */
const CALIBRATED = 1;
const SHORT_STATES = 2;
const LONG_STATE_BYTES: number = 4 * LANES;
const MIN_STATE: number = 2 ** 15;
const MAX_STATE: number = 2 ** 31;
/** Even the likeliest symbol, of 4095 slots in 4096, takes this part of a byte. A claim of more symbols is refused. */
const SYMBOLS_A_BYTE = 22_720;
/** Memory for the lanes: few planes leave lanes empty. Larger tensors are not packed. */
const MAX_LANE_BYTES: number = 2 ** 27;

export interface RansOptions {
  readonly kernels: Kernels;
  /** Tables made beforehand; else they are made for this tensor and sent along. */
  readonly tables?: CalibratedTables | undefined;
  readonly maxContexts?: number;
}

/** `undefined` where the packed form is no smaller. */
export function packRans(
  symbols: Uint8Array,
  dims: readonly number[],
  { kernels, tables, ...fit }: RansOptions,
): Uint8Array | undefined {
  const grid = gridOf(dims, tables?.tables.layout ?? usualLayout(dims));
  if (symbols.length === 0 || laneBytes(grid) > MAX_LANE_BYTES) return undefined;
  const used = tables?.tables ?? fitTables([{ symbols, grid }], { kernels, ...fit });
  const coded = kernels.encode(symbols, grid, used);
  const head = tables
    ? [SHORT_STATES | CALIBRATED, ...uint32Bytes(tables.id)]
    : [SHORT_STATES, ...writeTables(used)];
  const packed = join(head, coded);
  return packed.length < symbols.length ? packed : undefined;
}

function join(head: readonly number[], { states, words, escapes }: CodedSymbols): Uint8Array {
  const start = [...head, ...varintBytes(escapes.length), ...writeStates(states)];
  const bytes = new Uint8Array(start.length + words.length + escapes.length);
  bytes.set(start);
  bytes.set(words, start.length);
  bytes.set(escapes, start.length + words.length);
  return bytes;
}

export interface UnpackOptions {
  readonly kernels: Kernels;
  /** Finds calibrated tables by their number. */
  findTables(id: number): CalibratedTables | undefined;
  /** Most tables that one tensor may use. */
  readonly maxTables: number;
}

/**
 * @throws SplitError `codec-invalid` unless `packed` holds exactly the symbols of a tensor of this shape; `tables-unknown`
 * where it names calibrated tables that are not found
 */
export function unpackRans(
  packed: Uint8Array,
  dims: readonly number[],
  { kernels, findTables, maxTables }: UnpackOptions,
): Uint8Array {
  const { tables, rest, isShort } = readHead(packed, findTables);
  if (tables.frequencies.length > maxTables) throw invalid(`${tables.frequencies.length} tables`);
  const grid = gridOf(dims, tables.layout);
  const count = grid.planes * grid.rows * grid.columns;
  if (count === 0 || count > packed.length * SYMBOLS_A_BYTE || laneBytes(grid) > MAX_LANE_BYTES) {
    throw invalid(`${packed.length} bytes cannot hold ${count} symbols`);
  }
  const symbols = kernels.decode(readCoded(rest, isShort), grid, tables);
  if (symbols === undefined) throw invalid('words, escapes and last states do not fit each other');
  return symbols;
}

function laneBytes(grid: Grid): number {
  return groupCount(grid) * LANES * grid.rows * grid.columns;
}

function readHead(
  packed: Uint8Array,
  findTables: UnpackOptions['findTables'],
): { readonly tables: CoderTables; readonly rest: Uint8Array; readonly isShort: boolean } {
  const flags = packed[0] ?? 0;
  const isShort = (flags & SHORT_STATES) !== 0;
  if ((flags & ~SHORT_STATES) === 0) {
    const { tables, length } = readTables(packed.subarray(1));
    return { tables, rest: packed.subarray(1 + length), isShort };
  }
  if (flags > (SHORT_STATES | CALIBRATED) || packed.length < 5)
    throw invalid(`a start of ${packed.slice(0, 5).join(' ')}`);
  const id = new DataView(packed.buffer, packed.byteOffset + 1, 4).getUint32(0, true);
  const found = findTables(id);
  if (found === undefined) {
    throw new SplitError('tables-unknown', `tables ${id} are not known here; send them in the frame`);
  }
  return { tables: found.tables, rest: packed.subarray(5), isShort };
}

function readCoded(bytes: Uint8Array, isShort: boolean): CodedSymbols {
  const { value: escapeCount, length } = readVarint(bytes);
  const found = (isShort ? readStates : readLongStates)(bytes.subarray(length));
  const wordsAt = length + found.length;
  const escapesAt = bytes.length - escapeCount;
  if (escapesAt < wordsAt || (escapesAt - wordsAt) % 2 !== 0) {
    throw invalid(`${bytes.length} bytes with ${escapeCount} escapes`);
  }
  return {
    states: found.states,
    words: bytes.subarray(wordsAt, escapesAt),
    escapes: bytes.subarray(escapesAt),
  };
}

/** As an earlier release wrote them. */
function readLongStates(bytes: Uint8Array): { readonly states: Uint32Array; readonly length: number } {
  if (bytes.length < LONG_STATE_BYTES)
    throw invalid(`states of ${LONG_STATE_BYTES} bytes in ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const states = Uint32Array.from({ length: LANES }, (_, lane) => view.getUint32(4 * lane, true));
  const wrong = states.find((state) => state < MIN_STATE || state >= MAX_STATE);
  if (wrong !== undefined) throw invalid(`a state of ${wrong}`);
  return { states, length: LONG_STATE_BYTES };
}

function uint32Bytes(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', `rans: ${what}`);
}

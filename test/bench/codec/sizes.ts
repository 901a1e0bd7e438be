/** Bytes at one cut: context coding with calibrated and with its own tables, and its rivals on the same symbols. */
import { calibrateTables } from '../../../sdk/src/codec/calibrate-tables.ts';
import type { CodecProfile } from '../../../sdk/src/codec/codec.ts';
import { createCodec } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import type { CalibratedTables } from '../../../sdk/src/codec/entropy/calibrated-tables.ts';
import { codedBits, SYMBOLS } from '../../../sdk/src/codec/entropy/frequencies.ts';
import { gridOf } from '../../../sdk/src/codec/entropy/grid.ts';
import { loadKernels } from '../../../sdk/src/codec/kernels/wasm.ts';
import { uint4Format, uint8Format } from '../../../sdk/src/codec/number-format/uint8-affine.ts';
import { type Tensor, tensorBytes } from '../../../sdk/src/tensor.ts';
import { type RivalBytes, rivalBytes } from './rivals.ts';

/** Means over the measured inputs; whole frames, in bytes. */
export interface CutSizes {
  /** Symbols of one tensor. */
  readonly symbols: number;
  readonly tensor: number;
  readonly rivals: RivalBytes;
  readonly context: number;
  /** With tables made for each tensor, which are not counted. */
  readonly selfTrained: number;
  /** With one table, which is counted. */
  readonly order0Rans: number;
  readonly narrow: number;
  readonly narrowRivals: RivalBytes;
  /** What the largest calibrated frame has beyond the ideal length of its symbols by its tables. */
  readonly overheadBytes: number;
  readonly model: string;
}

export async function measureSizes(
  measured: readonly Tensor[],
  { tables, narrowTables }: Tables,
): Promise<CutSizes> {
  const rows: TensorSizes[] = [];
  for (const tensor of measured) rows.push(await measureTensor(tensor, { tables, narrowTables }));
  const average = (of: (row: TensorSizes) => number) =>
    rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  const averageRivals = (of: (row: TensorSizes) => RivalBytes): RivalBytes => ({
    order0: average((row) => of(row).order0),
    deflate6: average((row) => of(row).deflate6),
    lz4: average((row) => of(row).lz4),
    zstdUpTo9: average((row) => of(row).zstdUpTo9),
    zstd19: average((row) => of(row).zstd19),
  });
  return {
    symbols: rows[0]?.symbols ?? 0,
    tensor: average((row) => row.tensor),
    rivals: averageRivals((row) => row.rivals),
    context: average((row) => row.context),
    selfTrained: average((row) => row.selfTrained),
    order0Rans: average((row) => row.order0Rans),
    narrow: average((row) => row.narrow),
    narrowRivals: averageRivals((row) => row.narrowRivals),
    overheadBytes: Math.max(...rows.map((row) => row.overheadBytes)),
    model: tables.tables.contexts.model,
  };
}

type TensorSizes = Omit<CutSizes, 'model'>;

/** Calibrated on other inputs, for `uint8+context` and `uint4+context`. */
export interface Tables {
  readonly tables: CalibratedTables;
  readonly narrowTables: CalibratedTables;
}

async function measureTensor(tensor: Tensor, { tables, narrowTables }: Tables): Promise<TensorSizes> {
  const kernels = await loadKernels();
  const symbols = uint8Format(kernels).encode(tensor)?.payload ?? new Uint8Array(0);
  const narrow = uint4Format(kernels).encode(tensor)?.payload ?? new Uint8Array(0);
  const own = await calibrateTables([tensor], 'uint8+context');
  const context = await frameBytes(tensor, 'uint8+context', tables);
  return {
    symbols: symbols.length,
    tensor: tensorBytes(tensor).length,
    rivals: rivalBytes(symbols),
    context,
    selfTrained: await frameBytes(tensor, 'uint8+context', own),
    order0Rans: await frameBytes(tensor, 'uint8+rans'),
    narrow: await frameBytes(tensor, 'uint4+context', narrowTables),
    narrowRivals: rivalBytes(narrow),
    overheadBytes: context - (await idealBytes(symbols, tensor.dims, tables)),
  };
}

async function frameBytes(tensor: Tensor, profile: CodecProfile, tables?: CalibratedTables): Promise<number> {
  const codec = createCodec({ deflate: deflateNode() });
  return (await codec.encode(tensor, profile, { tables })).length;
}

/** What these symbols take by these tables when fractions of bits cost nothing. */
async function idealBytes(
  symbols: Uint8Array,
  dims: readonly number[],
  { tables }: CalibratedTables,
): Promise<number> {
  const grid = gridOf(dims, tables.layout);
  const counts = (await loadKernels()).count(symbols, grid, tables.contexts);
  const bits = tables.frequencies.map((frequencies, context) =>
    codedBits(counts.subarray(context * SYMBOLS, (context + 1) * SYMBOLS), frequencies),
  );
  return bits.reduce((sum, some) => sum + some, 0) / 8;
}

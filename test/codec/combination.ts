/** Frames by any number format, predictor and entropy coding, put together by hand: profiles ask for few of them. */
import { deflateNode } from '../../sdk/src/codec/deflate-node.ts';
import { PREDICTOR_IDS, writeFrame } from '../../sdk/src/codec/frame.ts';
import { loadKernels } from '../../sdk/src/codec/kernels/wasm.ts';
import { findFormat, numberFormats } from '../../sdk/src/codec/number-format/formats.ts';
import type { NumberFormat } from '../../sdk/src/codec/number-format/number-format.ts';
import { makePredictors } from '../../sdk/src/codec/predictor/predictor.ts';
import { idBytes, makeReference, type Reference } from '../../sdk/src/codec/predictor/reference.ts';
import { type PackedSymbols, packSymbols, type SymbolArray } from '../../sdk/src/codec/symbol-packing.ts';
import { zstdNode } from '../../sdk/src/codec/zstd-node.ts';
import type { Tensor, TensorType } from '../../sdk/src/tensor.ts';

/** By the numbers that frames carry. */
export interface Stages {
  readonly numberFormat: number;
  readonly predictor: number;
  readonly entropy: number;
}

export interface MadeFrame {
  readonly frame: Uint8Array;
  /** What it builds on, where it does. */
  readonly reference: Reference;
  /** The tensor less what its number format gives up. */
  readonly kept: Tensor;
}

const kernels = await loadKernels();
const formats = numberFormats(kernels);
const packers = { deflate: deflateNode(), zstd: zstdNode(), kernels, findTables: () => undefined };
const PREDICTORS = { 15: makePredictors(15), 255: makePredictors(255) };

export function formatOf({ numberFormat }: Stages): NumberFormat {
  return findFormat(formats, numberFormat);
}

/** By context, only symbols of a byte and less are predicted. */
export function isOffered(stages: Stages, type: TensorType): boolean {
  return stages.predictor !== PREDICTOR_IDS.context || (formatOf(stages).symbolBits(type) ?? 8) <= 8;
}

/** `undefined` where the format cannot keep the values. */
export async function frameBy(stages: Stages, before: Tensor, now: Tensor): Promise<MadeFrame | undefined> {
  const format = formatOf(stages);
  const [first, second] = [format.encode(before), format.encode(now)];
  if (first === undefined || second === undefined) return undefined;
  const { type, dims } = now;
  // With the later frame's parameters, as if the scale had been kept.
  const kind = { numberFormat: format.id, type, dims, parameters: second.parameters };
  const reference = makeReference(kind, first.payload);
  const array = { symbols: second.payload, symbolBits: format.symbolBits(type) ?? 8, dims };
  const packed = await packPredicted(array, stages, reference);
  const frame = writeFrame({ ...kind, predictor: stages.predictor, ...packed });
  return { frame, reference, kept: format.decode(second, type, dims) };
}

async function packPredicted(
  array: SymbolArray,
  { predictor: id, entropy }: Stages,
  reference: Reference,
): Promise<PackedSymbols> {
  const { symbols, symbolBits, dims } = array;
  const { difference, context } = PREDICTORS[symbolBits === 4 ? 15 : 255];
  const predictor = [difference, context].find((some) => some.id === id);
  if (predictor === undefined) return packSymbols(array, packers, { entropy });
  const predicted = predictor.predict(symbols, reference.symbols);
  const predictedDims = predictor.dims(dims, symbols.length);
  const packed = await packSymbols({ symbols: predicted, symbolBits, dims: predictedDims }, packers, {
    entropy,
  });
  return { ...packed, payload: Uint8Array.from([...idBytes(reference), ...packed.payload]) };
}

/** Packing the symbols of a sequence: by means of the reference where that makes fewer bytes, and back. */
import { SplitError } from '../../errors.ts';
import { elementCount } from '../../tensor.ts';
import type { CalibratedTables } from '../entropy/calibrated-tables.ts';
import { ENTROPY_IDS, type Frame, PREDICTOR_IDS } from '../frame.ts';
import type { PackedSymbols, Packers, SymbolArray } from '../symbol-packing.ts';
import { packSymbols, unpackSymbols } from '../symbol-packing.ts';
import { choosePredictor, type Predictors } from './choice.ts';
import { makePredictors, type Predictor } from './predictor.ts';
import { idBytes, idOfBytes, isComparable, REFERENCE_ID_BYTES, type Reference } from './reference.ts';

export interface PackOptions {
  readonly kind: Pick<Frame, 'numberFormat' | 'type' | 'dims' | 'parameters'>;
  readonly entropy: number;
  /** For symbols that are not foretold by a reference. */
  readonly tables?: CalibratedTables | undefined;
  readonly reference?: Reference | undefined;
}

type Packed = PackedSymbols & { readonly predictor: number };

export interface SequencePacking {
  pack(array: SymbolArray, options: PackOptions): Promise<Packed>;
  /** @throws SplitError `codec-invalid`; `reference-unknown` without the very reference that the frame was made with */
  unpack(
    frame: Frame,
    symbolBits: number,
    findReference?: (id: string) => Reference | undefined,
  ): Promise<Uint8Array>;
}

export function sequencePacking(packers: Packers): SequencePacking {
  const made = new Map<15 | 255, ReturnType<typeof makePredictors>>();
  /** Their tables are made when first wanted: few ever are. */
  function predictorsFor(symbolBits: number): Predictors {
    const maxSymbol = symbolBits === 4 ? 15 : 255;
    const known = made.get(maxSymbol) ?? makePredictors(maxSymbol);
    made.set(maxSymbol, known);
    return symbolBits <= 8 ? known : { difference: known.difference };
  }
  return {
    pack: (array, options) => pack(array, options, { packers, predictors: predictorsFor(array.symbolBits) }),
    unpack: (frame, symbolBits, findReference) =>
      frame.predictor === PREDICTOR_IDS.none || frame.predictor === PREDICTOR_IDS.first
        ? unpackSymbols(frame, { count: elementCount(frame.dims), symbolBits, dims: frame.dims }, packers)
        : unpack(frame, { packers, symbolBits, findReference, predictors: predictorsFor(symbolBits) }),
  };
}

interface Means {
  readonly packers: Packers;
  readonly predictors: Predictors;
}

async function pack(
  array: SymbolArray,
  { kind, entropy, tables, reference }: PackOptions,
  { packers, predictors }: Means,
): Promise<Packed> {
  const plainly = async () => ({
    predictor: PREDICTOR_IDS.first,
    ...(await packSymbols(array, packers, { entropy, tables })),
  });
  // Without entropy coding everything takes as many bytes.
  if (entropy === ENTROPY_IDS.none || reference === undefined || !isComparable(reference, kind))
    return plainly();
  const { symbols, dims } = array;
  const choice = choosePredictor({ symbols, reference: reference.symbols, dims }, predictors);
  if (choice === undefined) return plainly();
  const predicted = await packPredicted(array, reference, { ...choice, packers, entropy });
  if (choice.isSure) return predicted;
  const plain = await plainly();
  return predicted.payload.length < plain.payload.length ? predicted : plain;
}

interface PredictionMeans {
  readonly predictor: Predictor;
  readonly packers: Packers;
  readonly entropy: number;
}

async function packPredicted(
  { symbols, symbolBits, dims }: SymbolArray,
  reference: Reference,
  { predictor, packers, entropy }: PredictionMeans,
): Promise<Packed> {
  const predicted = predictor.predict(symbols, reference.symbols);
  const predictedDims = predictor.dims(dims, symbols.length);
  const packed = await packSymbols({ symbols: predicted, symbolBits, dims: predictedDims }, packers, {
    entropy,
  });
  const payload = new Uint8Array(REFERENCE_ID_BYTES + packed.payload.length);
  payload.set(idBytes(reference));
  payload.set(packed.payload, REFERENCE_ID_BYTES);
  return { predictor: predictor.id, entropy: packed.entropy, payload };
}

interface UnpackMeans extends Means {
  readonly symbolBits: number;
  readonly findReference: ((id: string) => Reference | undefined) | undefined;
}

async function unpack(
  frame: Frame,
  { packers, symbolBits, findReference, predictors }: UnpackMeans,
): Promise<Uint8Array> {
  const predictor = [predictors.difference, predictors.context].find((some) => some?.id === frame.predictor);
  if (predictor === undefined) throw invalid(`predictor ${frame.predictor} is not known for ${frame.type}`);
  if (frame.payload.length < REFERENCE_ID_BYTES) throw invalid('no id of a reference');
  const reference = referenceOf(frame, findReference);
  const dims = predictor.dims(frame.dims, reference.symbols.length);
  const payload = frame.payload.subarray(REFERENCE_ID_BYTES);
  const count = elementCount(dims);
  const predicted = await unpackSymbols(
    { entropy: frame.entropy, payload },
    { count, symbolBits, dims },
    packers,
  );
  return predictor.restore(predicted, reference.symbols);
}

function referenceOf(frame: Frame, find: UnpackMeans['findReference']): Reference {
  const id = idOfBytes(frame.payload);
  const reference = find?.(id);
  if (reference !== undefined && isComparable(reference, frame)) return reference;
  const what = reference === undefined ? 'is not here' : 'has another shape, type or scale';
  throw new SplitError('reference-unknown', `reference ${id} ${what}; send the tensor in full`);
}

function invalid(what: string): SplitError {
  return new SplitError('codec-invalid', what);
}

/** Predictors: what a frame's symbols become by means of a reference, and how they become themselves again. */
import { PREDICTOR_IDS } from '../frame.ts';
import { type Fold, makeFold, mapBeside } from './fold.ts';
import { part, partedDims, unpart } from './parting.ts';

export interface Predictor {
  /** By PREDICTOR_IDS. */
  readonly id: number;
  /** What becomes of a symbol: `numberOf[256 * reference + symbol]`. */
  readonly numberOf: Uint8Array;
  /** `symbols` and `reference` of one length; the result is what is packed. */
  predict(symbols: Uint8Array, reference: Uint8Array): Uint8Array;
  restore(predicted: Uint8Array, reference: Uint8Array): Uint8Array;
  /** How the predicted symbols of such a tensor lie for the entropy coding. */
  dims(dims: readonly number[], symbolCount: number): readonly number[];
}

/** @param maxSymbol 15, or 255 for whole bytes; symbols of several bytes are foretold byte by byte, by difference alone */
export function makePredictors(maxSymbol: 15 | 255): {
  readonly difference: Predictor;
  readonly context: Predictor;
} {
  const fold = makeFold(maxSymbol);
  return { difference: byDifference(fold), context: byContext(fold) };
}

function byDifference({ numberOf, symbolOf }: Fold): Predictor {
  return {
    id: PREDICTOR_IDS.difference,
    numberOf,
    predict: (symbols, reference) => mapBeside(symbols, reference, numberOf),
    restore: (predicted, reference) => mapBeside(predicted, reference, symbolOf),
    dims: (dims) => dims,
  };
}

function byContext({ numberOf, symbolOf }: Fold): Predictor {
  return {
    id: PREDICTOR_IDS.context,
    numberOf,
    predict: (symbols, reference) => part(mapBeside(symbols, reference, numberOf), reference),
    restore: (predicted, reference) => mapBeside(unpart(predicted, reference), reference, symbolOf),
    dims: (_, symbolCount) => partedDims(symbolCount),
  };
}

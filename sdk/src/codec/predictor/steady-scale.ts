/**
 * Quantising a tensor of a sequence. Symbols of two frames can be compared only where they mean the same, so the scale
 * of the reference is kept while the values fit it; else a new one is made with a little room, which the next frames use.
 * The error stays within half of the scale that the frame says.
 */
import type { Tensor } from '../../tensor.ts';
import { NUMBER_FORMAT_IDS } from '../frame.ts';
import type { Kernels, Range, SymbolScale } from '../kernels/kernels.ts';
import { fitScale, readScale, toFloats, writeScales } from '../number-format/affine.ts';
import type { NumberFormat, Symbols } from '../number-format/number-format.ts';
import type { Reference } from './reference.ts';

/** Of the range, on each side that does not end at zero. */
const ROOM = 1 / 32;
/** A scale so much coarser than the values need is given up. */
const COARSEST = 1.25;

/** As `format.encode`. Formats without one scale for the whole tensor are not steadied. */
export function encodeSteady(
  tensor: Tensor,
  format: NumberFormat,
  { kernels, reference }: { readonly kernels: Kernels; readonly reference?: Reference | undefined },
): Symbols | undefined {
  const maxSymbol = maxSymbolOf(format.id);
  const floats = maxSymbol === undefined ? undefined : toFloats(tensor);
  if (maxSymbol === undefined || floats === undefined || floats.length === 0) return format.encode(tensor);
  const known = reference?.numberFormat === format.id ? readScale(reference.parameters) : undefined;
  const scaleFor = (range: Range) => {
    const roomy = fitScale(withRoom(range), maxSymbol);
    return known && roomy && isFitting(known, range, roomy, maxSymbol) ? known : roomy;
  };
  const quantised = kernels.quantiseFitted(floats, scaleFor, maxSymbol);
  // Room may leave float32's numbers where the values themselves do not.
  if (quantised === undefined) return format.encode(tensor);
  return { parameters: writeScales([quantised.scale]), payload: quantised.symbols };
}

function maxSymbolOf(numberFormat: number): number | undefined {
  if (numberFormat === NUMBER_FORMAT_IDS.uint8) return 255;
  return numberFormat === NUMBER_FORMAT_IDS.uint4 ? 15 : undefined;
}

function withRoom({ min, max }: Range): Range {
  const room = (max - min) * ROOM;
  return { min: min === 0 ? 0 : min - room, max: max === 0 ? 0 : max + room };
}

function isFitting(known: SymbolScale, { min, max }: Range, roomy: SymbolScale, maxSymbol: number): boolean {
  const [low, high] = [-known.zeroPoint * known.scale, (maxSymbol - known.zeroPoint) * known.scale];
  return min >= low && max <= high && known.scale <= roomy.scale * COARSEST;
}

/** From what a quantiser gives to a tensor of bytes: checked, since bytes cannot express every float. */
import { STATISTICS } from '../../cut/quantise-nodes.ts';
import type { QuantisedValue } from '../../cut/valve-quantiser.ts';
import { SplitError } from '../../errors.ts';
import type { QuantisedTensor } from '../../quantised.ts';
import { elementCount, type Tensors, tensorBytes } from '../../tensor.ts';

/** Below it a float32 has fewer than 24 significant bits, and the scale would be rounded too coarsely. */
const SMALLEST_NORMAL = 2 ** -126;
/** Beyond it half a step is lost beside the zero point in float32. */
const GREATEST_ZERO_POINT = 2 ** 22;

/** `undefined` for values that bytes cannot express: NaN, an infinity, or a range far from zero or too narrow. */
export function readQuantised(value: QuantisedValue, given: Tensors): QuantisedTensor | undefined {
  const [symbols, statistics, shape] = [value.symbols, value.statistics, value.shape].map((name) => {
    const tensor = given[name];
    if (tensor) return tensor;
    throw new SplitError('internal', `the run gave no ${name}`);
  });
  if (!symbols || !statistics || !shape) return undefined;
  const dims = Array.from(shape.data as BigInt64Array, Number);
  const bytes = tensorBytes(symbols).subarray(0, elementCount(dims));
  const [min = Number.NaN, max = Number.NaN, sum = Number.NaN, scale = 0, zeroPoint = 0] = statisticsOf(
    statistics.data as Float32Array,
  );
  if (![min, max, sum].every(Number.isFinite) || bytes.length === 0) return undefined;
  const own = { type: value.type, dims };
  if (min === max) return { ...own, ...constant(min), symbols: new Uint8Array(bytes.length) };
  const isFit = scale >= SMALLEST_NORMAL && Math.abs(zeroPoint) <= GREATEST_ZERO_POINT;
  return isFit ? { ...own, symbols: bytes, scale, zeroPoint: zeroPoint + 0 } : undefined;
}

function statisticsOf(data: Float32Array): number[] {
  if (data.length === STATISTICS.length) return [...data];
  throw new SplitError('internal', `the run gave ${data.length} statistics, not ${STATISTICS.length}`);
}

/** The one value is minus or plus one scale away from symbol 0, or zero. */
function constant(value: number): Pick<QuantisedTensor, 'scale' | 'zeroPoint'> {
  if (value === 0) return { scale: 1, zeroPoint: 0 };
  return { scale: Math.abs(value), zeroPoint: value > 0 ? -1 : 1 };
}

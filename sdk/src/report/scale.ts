/** Scales of charts: from values to places, and the ticks between. */

export type Scale = (value: number) => number;

export function linearScale(from: readonly [number, number], to: readonly [number, number]): Scale {
  const [low, high] = from;
  const [start, end] = to;
  return (value) => start + ((value - low) / (high - low || 1)) * (end - start);
}

/** @param from both above 0 */
export function logScale(from: readonly [number, number], to: readonly [number, number]): Scale {
  const linear = linearScale([Math.log10(from[0]), Math.log10(from[1])], to);
  return (value) => linear(Math.log10(value));
}

/** Powers of ten that hold all values, from the one below the smallest to the one above the largest. */
export function decades(values: readonly number[]): readonly number[] {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
}

/** Small statistics for figures. */

/** Middle value; the mean of the two middle ones for an even count. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

/** Runs every variant once a round, the order turned round every second time, and gives each one's median. */
export async function interleave(
  variants: Readonly<Record<string, () => Promise<number>>>,
  rounds: number,
): Promise<Readonly<Record<string, number>>> {
  const values = await interleaveAll(variants, rounds);
  return Object.fromEntries(Object.entries(values).map(([name, list]) => [name, median(list)]));
}

/** The same with all values, in the order of the rounds. */
export async function interleaveAll<Name extends string>(
  variants: Readonly<Record<Name, () => Promise<number>>>,
  rounds: number,
): Promise<Readonly<Record<Name, readonly number[]>>> {
  const names = Object.keys(variants) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed())
      values[name].push(await variants[name]());
  }
  return values;
}

/** Of what was measured in the same round. */
export function medianOfRatios(values: readonly number[], bases: readonly number[]): number {
  return median(values.map((value, round) => value / (bases[round] ?? Number.NaN)));
}

/** The value that this share of all is not above. NaN for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** How much equally spaced values rise from the first to the last: the middle of all slopes, which no outlier moves. */
export function riseOf(values: readonly number[]): number {
  const slopes = values.flatMap((from, i) => values.slice(i + 1).map((to, j) => (to - from) / (j + 1)));
  return slopes.length === 0 ? 0 : median(slopes) * (values.length - 1);
}

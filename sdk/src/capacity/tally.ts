/** Numbers that come one by one, and what is asked of all of them together: mean and quantiles, exactly. */

export interface Tally {
  readonly count: number;
  readonly sum: number;
  push(value: number): void;
  /** 0 for none. */
  readonly mean: number;
  /** The value that a share of `q` does not exceed; not a number for none. */
  quantile(q: number): number;
}

export function createTally(): Tally {
  let values = new Float64Array(64);
  let count = 0;
  let sum = 0;
  let isSorted = true;
  return {
    get count() {
      return count;
    },
    get sum() {
      return sum;
    },
    get mean() {
      return count === 0 ? 0 : sum / count;
    },
    push(value) {
      if (count === values.length) {
        const larger = new Float64Array(2 * count);
        larger.set(values);
        values = larger;
      }
      values[count++] = value;
      sum += value;
      isSorted = false;
    },
    quantile(q) {
      if (!isSorted) values.subarray(0, count).sort();
      isSorted = true;
      return count === 0 ? Number.NaN : (values[Math.ceil(q * count) - 1] ?? values[0] ?? Number.NaN);
    },
  };
}

/** What a report says of a tally. */
export interface Spread {
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

export function spreadOf(tally: Tally): Spread {
  return {
    meanMs: tally.mean,
    p50Ms: tally.quantile(0.5),
    p95Ms: tally.quantile(0.95),
    p99Ms: tally.quantile(0.99),
  };
}

/**
 * What a batch takes in relation to its requests one by one: measured at sizes that double when the model is warmed up,
 * corrected by every batch that runs.
 */

export interface SizeCost {
  readonly size: number;
  /** Of the batch, over so many times the time of one; 1: nothing is gained by joining. */
  readonly share: number;
}

export interface BatchCost {
  /** Milliseconds of requests that take these milliseconds each by themselves. */
  expectedMs(aloneMs: readonly number[]): number;
  /** The share at a size, between those that were measured. */
  shareAt(size: number): number;
  /** The same as batches were seen to take of late. */
  expectedShareAt(size: number): number;
  /** A batch took so long. */
  observe(aloneMs: readonly number[], ranMs: number): void;
  /** Beyond it a larger batch gains less than the next one loses by waiting for it. */
  readonly mostUseful: number;
}

const NEWEST_SHARE = 0.1;
/** A doubling must save at least this share of the time of a request by itself. */
const LEAST_GAIN = 0.04;
/** And this share of what a request takes in the smaller batch: whoever joins waits for the whole of it. */
const LEAST_SHARE_GAIN = 0.1;
/** Of one correction to the next; a hiccup is no trend. */
const CORRECTION_LIMITS = [0.25, 4] as const;

export interface BatchCostOptions {
  readonly maxSize: number;
  /** Every batch has one number of rows: it takes what the longest of its requests takes by itself. @default false */
  readonly isFilled?: boolean;
}

/** @param measured sizes ascending, the first of them 1 with share 1; empty: nothing is known to be gained */
export function createBatchCost(
  measured: readonly SizeCost[],
  { maxSize, isFilled = false }: BatchCostOptions,
): BatchCost {
  const points: readonly SizeCost[] = measured.length === 0 ? [{ size: 1, share: 1 }] : measured;
  let correction = 1;

  function shareAt(size: number): number {
    const above = points.findIndex((point) => point.size >= size);
    if (above === 0) return points[0]?.share ?? 1;
    const [low, high] = above < 0 ? [points.at(-1), undefined] : [points[above - 1], points[above]];
    if (low === undefined) return 1;
    if (high === undefined) return low.share;
    const weight = (size - low.size) / (high.size - low.size);
    return low.share + weight * (high.share - low.share);
  }

  const plain = (aloneMs: readonly number[]) =>
    isFilled ? Math.max(0, ...aloneMs) : aloneMs.reduce((sum, ms) => sum + ms, 0) * shareAt(aloneMs.length);
  return {
    shareAt,
    expectedShareAt: (size) => shareAt(size) * correction,
    expectedMs: (aloneMs) => plain(aloneMs) * correction,
    observe(aloneMs, ranMs) {
      const expected = plain(aloneMs);
      if (expected <= 0) return;
      const [least, most] = CORRECTION_LIMITS;
      const ratio = Math.min(most, Math.max(least, ranMs / expected));
      correction += NEWEST_SHARE * (ratio - correction);
    },
    mostUseful: Math.min(maxSize, mostUsefulOf(points)),
  };
}

function mostUsefulOf(points: readonly SizeCost[]): number {
  let best = points[0] ?? { size: 1, share: 1 };
  for (const point of points.slice(1)) {
    if (best.share - point.share < Math.max(LEAST_GAIN, LEAST_SHARE_GAIN * best.share)) continue;
    best = point;
  }
  return best.size;
}

/** How often requests for a model come: the average gap between them, which forgets. */

export interface Arrivals {
  seen(atMs: number): void;
  /** Expected gap to the next one, in milliseconds; it grows while nobody comes. */
  gapMs(nowMs: number): number;
}

const NEWEST_SHARE = 0.1;

export function createArrivals(): Arrivals {
  let averageMs = Number.POSITIVE_INFINITY;
  let lastMs: number | undefined;
  return {
    seen(atMs) {
      if (lastMs !== undefined) {
        const gapMs = atMs - lastMs;
        averageMs = Number.isFinite(averageMs) ? averageMs + NEWEST_SHARE * (gapMs - averageMs) : gapMs;
      }
      lastMs = atMs;
    },
    gapMs: (nowMs) => Math.max(averageMs, lastMs === undefined ? averageMs : nowMs - lastMs),
  };
}

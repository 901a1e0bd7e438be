/** Counts by the second, of the last few minutes; older ones are overwritten. */

export interface SecondsRing {
  add(atMs: number, amount?: number): void;
  /** One number a second, the oldest first; the second under way is not among them. */
  last(nowMs: number, seconds: number): readonly number[];
  /** Per second, over so many whole seconds. */
  rate(nowMs: number, seconds: number): number;
}

/** @param capacity seconds that are kept */
export function createSecondsRing(capacity: number): SecondsRing {
  const counts = new Float64Array(capacity);
  const written = new Float64Array(capacity).fill(-1);
  const secondOf = (atMs: number) => Math.floor(atMs / 1000);
  const countAt = (second: number) => {
    const slot = ((second % capacity) + capacity) % capacity;
    return written[slot] === second ? (counts[slot] as number) : 0;
  };
  const last = (nowMs: number, seconds: number) => {
    const end = secondOf(nowMs);
    return Array.from({ length: seconds }, (_, index) => countAt(end - seconds + index));
  };
  return {
    add(atMs, amount = 1) {
      const second = secondOf(atMs);
      const slot = ((second % capacity) + capacity) % capacity;
      if (written[slot] !== second) counts[slot] = 0;
      written[slot] = second;
      counts[slot] = (counts[slot] as number) + amount;
    },
    last,
    rate: (nowMs, seconds) => last(nowMs, seconds).reduce((sum, count) => sum + count, 0) / seconds,
  };
}

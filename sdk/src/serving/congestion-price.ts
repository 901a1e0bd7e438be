/**
 * What a millisecond of the runtime costs others: each request that stands in the queue waits one millisecond longer for it.
 * So the price is how many requests a newcomer finds, as an average that forgets.
 */
import type { Clock } from '../clock.ts';

export interface CongestionPrice {
  /** A newcomer found so many before it. */
  found(others: number): void;
  /** In milliseconds of others' waiting for each of one's own work; fades while nobody comes. */
  readonly value: number;
}

const NEWEST_SHARE = 0.2;
const HALF_LIFE_MS = 5_000;

export function createCongestionPrice(clock: Pick<Clock, 'nowMs'>): CongestionPrice {
  let last = { value: 0, atMs: clock.nowMs() };
  const faded = () => last.value * 2 ** (-(clock.nowMs() - last.atMs) / HALF_LIFE_MS);
  return {
    found(others) {
      const value = faded();
      last = { value: value + NEWEST_SHARE * (others - value), atMs: clock.nowMs() };
    },
    get value() {
      return faded();
    },
  };
}

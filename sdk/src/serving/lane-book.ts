/** What is known of one executor's lane: the batch that runs, at most one that is on its way to it, and when it takes the next. */
import type { BatchCost } from './batch-cost.ts';

export interface LaneBook {
  readonly isBusy: boolean;
  /** What the batches that it has are expected to take from now on, in milliseconds. */
  busyMs(nowMs: number): number;
  /**
   * When it takes the next batch: now where it is idle, a little before the end of the one that runs. One that nothing can join
   * any more is taken earlier, by as much as runs stray from what is expected of them: a gap between runs is lost to all.
   */
  roomAtMs(nowMs: number, isFull: boolean): number;
  /** A batch of requests that take so long each by themselves was given to it. */
  begin(batchCost: BatchCost, aloneMs: readonly number[], nowMs: number): BegunBatch;
}

export interface BegunBatch {
  /**
   * It has ended.
   * @param ranMs as the executor timed it; 0 where it failed
   * @returns milliseconds that it waited behind the batch before it, and that it took besides its run
   */
  end(ranMs: number, nowMs: number): { readonly waitedMs: number; readonly elsewhereMs: number };
}

/** The one that runs and the one that follows it without a gap. */
const MAX_IN_FLIGHT = 2;
const NEWEST_SHARE = 0.2;
/** Timers are not exact. */
const SLACK_MS = 1;
/** Of the average error of what was expected: about nineteen in twenty runs end later than that. */
const ERRORS_EARLY = 2;

export function createLaneBook(): LaneBook {
  /** What each batch that it has is expected to take, in milliseconds, in their order. */
  let expected: readonly { readonly ms: number }[] = [];
  /** When all that was given to it is expected to be done. */
  let freeAtMs = 0;
  /** When the last batch was seen to end. */
  let endedMs = 0;
  /** To the executor and back, as an average. */
  let copyMs = 1;
  /** Between what was expected of a run and what it took, as an average. */
  let errorMs = 0;
  return {
    get isBusy() {
      return expected.length > 0;
    },
    busyMs: (nowMs) => (expected.length === 0 ? 0 : Math.max(0, freeAtMs - nowMs)),
    roomAtMs(nowMs, isFull) {
      if (expected.length === 0) return nowMs;
      if (expected.length >= MAX_IN_FLIGHT) return Number.POSITIVE_INFINITY;
      return freeAtMs - copyMs - SLACK_MS - (isFull ? ERRORS_EARLY * errorMs : 0);
    },
    begin(batchCost, aloneMs, startMs) {
      const own = { ms: batchCost.expectedMs(aloneMs) };
      expected = [...expected, own];
      freeAtMs = Math.max(freeAtMs, startMs) + own.ms + copyMs;
      return {
        end(ranMs, nowMs) {
          expected = expected.filter((one) => one !== own);
          // The one behind it begins now, however wrong the guess was.
          freeAtMs = nowMs + expected.reduce((sum, { ms }) => sum + ms, 0);
          if (ranMs > 0) errorMs += NEWEST_SHARE * (Math.abs(ranMs - own.ms) - errorMs);
          const waitedMs = Math.max(0, endedMs - startMs);
          endedMs = nowMs;
          const elsewhereMs = Math.max(0, nowMs - startMs - ranMs - waitedMs);
          // Behind another batch the way there is hidden.
          if (waitedMs === 0) copyMs += NEWEST_SHARE * (elsewhereMs - copyMs);
          if (ranMs > 0) batchCost.observe(aloneMs, ranMs);
          return { waitedMs, elsewhereMs };
        },
      };
    },
  };
}

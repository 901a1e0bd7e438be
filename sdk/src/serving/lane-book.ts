/** What is known of one executor's lane: the batch that runs, at most one that is on its way to it, and when it takes the next. */
import type { BatchCost } from './batch-cost.ts';

export interface LaneBook {
  readonly isBusy: boolean;
  /** What the batches that it has are expected to take from now on, in milliseconds. */
  busyMs(nowMs: number): number;
  /** When it takes the next batch: now where it is idle, a little before the end of the one that runs. */
  roomAtMs(nowMs: number): number;
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

export function createLaneBook(): LaneBook {
  let inFlight = 0;
  /** When all that was given to it is expected to be done. */
  let freeAtMs = 0;
  /** When the last batch was seen to end. */
  let endedMs = 0;
  /** To the executor and back, as an average. */
  let copyMs = 1;
  return {
    get isBusy() {
      return inFlight > 0;
    },
    busyMs: (nowMs) => (inFlight === 0 ? 0 : Math.max(0, freeAtMs - nowMs)),
    roomAtMs(nowMs) {
      if (inFlight === 0) return nowMs;
      return inFlight < MAX_IN_FLIGHT ? freeAtMs - copyMs - SLACK_MS : Number.POSITIVE_INFINITY;
    },
    begin(batchCost, aloneMs, startMs) {
      inFlight += 1;
      freeAtMs = Math.max(freeAtMs, startMs) + batchCost.expectedMs(aloneMs) + copyMs;
      return {
        end(ranMs, nowMs) {
          inFlight -= 1;
          if (inFlight === 0) freeAtMs = nowMs;
          const waitedMs = Math.max(0, endedMs - startMs);
          endedMs = nowMs;
          const elsewhereMs = Math.max(0, nowMs - startMs - ranMs - waitedMs);
          copyMs += NEWEST_SHARE * (elsewhereMs - copyMs);
          if (ranMs > 0) batchCost.observe(aloneMs, ranMs);
          return { waitedMs, elsewhereMs };
        },
      };
    },
  };
}

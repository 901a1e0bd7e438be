/** The link as this device sees it, learnt from the requests themselves: rates each way and the round trip. */
import { type Average, createAverage } from './average.ts';

export interface LinkSample {
  readonly atMs: number;
  readonly sentBytes: number;
  /** From the first packet's departure to the last one's arrival at the gateway. */
  readonly uplinkMs: number;
  readonly receivedBytes: number;
  readonly downlinkMs: number;
  /** From the spread of arrivals; present only where the message was long enough to tell. */
  readonly uplinkBitsPerSecond?: number | undefined;
  readonly downlinkBitsPerSecond?: number | undefined;
}

export interface LinkState {
  readonly uplinkBitsPerSecond: number;
  readonly downlinkBitsPerSecond: number;
  readonly roundTripMs: number;
}

export interface LinkEstimate {
  push(sample: LinkSample): void;
  pushRoundTrip(ms: number): void;
  /** A request that did not come back in time: the link is no faster than this, or worse than slow. */
  pushUpperBound(bitsPerSecond: number, atMs: number): void;
  at(nowMs: number): LinkState;
}

// Before anything was sent: hopeful, so that the first requests try the link and learn it.
const PRIOR_BITS_PER_SECOND = 20e6;
const PRIOR_ROUND_TRIP_MS = 20;
// A rate that nobody has tried for that long is thought to double again and again: sooner or later it is tried.
const TRUSTED_MS = 30_000;
const DOUBLING_MS = 20_000;
// Shorter messages say more of the machines than of the link.
const RATE_MIN_BYTES = 16_384;
// A transfer that took less only shows that the link is at least as fast: what else takes time hides the rest.
const RATE_MIN_MS = 20;
const MAX_BITS_PER_SECOND = 10e9;

export function createLinkEstimate(): LinkEstimate {
  const uplink = createAverage(0.6);
  const downlink = createAverage(0.6);
  const roundTrip = createAverage(0.3);
  let learntAtMs: number | undefined;
  return {
    push(sample) {
      const overheadMs = (roundTrip.value ?? PRIOR_ROUND_TRIP_MS) / 2;
      const { atMs, sentBytes, uplinkMs, receivedBytes, downlinkMs } = sample;
      const up = { spread: sample.uplinkBitsPerSecond, bytes: sentBytes, ms: uplinkMs - overheadMs };
      const down = {
        spread: sample.downlinkBitsPerSecond,
        bytes: receivedBytes,
        ms: downlinkMs - overheadMs,
      };
      if (learnRate(uplink, up)) learntAtMs = atMs;
      learnRate(downlink, down);
    },
    pushRoundTrip: (ms) => roundTrip.push(ms),
    pushUpperBound(bitsPerSecond, atMs) {
      if (bitsPerSecond < (uplink.value ?? PRIOR_BITS_PER_SECOND)) uplink.push(bitsPerSecond);
      learntAtMs = atMs;
    },
    at(nowMs) {
      const hope =
        learntAtMs === undefined ? 1 : 2 ** (Math.max(0, nowMs - learntAtMs - TRUSTED_MS) / DOUBLING_MS);
      const up = Math.min((uplink.value ?? PRIOR_BITS_PER_SECOND) * hope, MAX_BITS_PER_SECOND);
      return {
        uplinkBitsPerSecond: up,
        // Replies are mostly too short to measure; then the two ways are taken to be alike.
        downlinkBitsPerSecond: downlink.value ?? up,
        roundTripMs: roundTrip.value ?? PRIOR_ROUND_TRIP_MS,
      };
    },
  };
}

interface Transfer {
  /** The rate by the spread of arrivals, where that could be told. */
  readonly spread: number | undefined;
  readonly bytes: number;
  readonly ms: number;
}

/** Whether the transfer said anything. */
function learnRate(rate: Average, { spread, bytes, ms }: Transfer): boolean {
  const shown = spread ?? (bytes * 8000) / Math.max(ms, 0.1);
  const isBound = spread === undefined && ms < RATE_MIN_MS;
  if (spread === undefined && bytes < RATE_MIN_BYTES) return false;
  if (isBound && shown < (rate.value ?? 0)) return true;
  rate.push(Math.min(shown, MAX_BITS_PER_SECOND));
  return true;
}

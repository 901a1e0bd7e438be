/** The link as this device sees it, learnt from the requests themselves: rates each way and the round trip. */
import { createAverage } from './average.ts';

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
  at(nowMs: number): LinkState;
}

// Before anything was sent: hopeful, so that the first requests try the link and learn it.
const PRIOR_BITS_PER_SECOND = 20e6;
const PRIOR_ROUND_TRIP_MS = 20;
// A rate that nobody has tried for a while is thought to have doubled after this time: sooner or later it is tried.
const DOUBLING_MS = 20_000;
// Shorter messages say more about the round trip than about the rate.
const RATE_MIN_BYTES = 16_384;
const MAX_BITS_PER_SECOND = 10e9;

export function createLinkEstimate(): LinkEstimate {
  const uplink = createAverage(0.6);
  const downlink = createAverage(0.6);
  const roundTrip = createAverage(0.3);
  let learntAtMs: number | undefined;
  return {
    push(sample) {
      const overheadMs = (roundTrip.value ?? PRIOR_ROUND_TRIP_MS) / 2;
      const up = sample.uplinkBitsPerSecond ?? rate(sample.sentBytes, sample.uplinkMs - overheadMs);
      const down = sample.downlinkBitsPerSecond ?? rate(sample.receivedBytes, sample.downlinkMs - overheadMs);
      if (up !== undefined) uplink.push(up);
      if (down !== undefined) downlink.push(down);
      if (up !== undefined) learntAtMs = sample.atMs;
    },
    pushRoundTrip: (ms) => roundTrip.push(ms),
    at(nowMs) {
      const hope = learntAtMs === undefined ? 1 : 2 ** ((nowMs - learntAtMs) / DOUBLING_MS);
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

function rate(bytes: number, ms: number): number | undefined {
  if (bytes < RATE_MIN_BYTES) return undefined;
  return Math.min((bytes * 8000) / Math.max(ms, 0.1), MAX_BITS_PER_SECOND);
}

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
  /**
   * @param ms of the quickest of late
   * @param spreadMs by how much they mostly take longer: what time alone tells of a rate is as uncertain. @default 0
   */
  pushRoundTrip(ms: number, spreadMs?: number): void;
  /** A request that did not come back in time: the link is no faster than this, or worse than slow. */
  pushUpperBound(bitsPerSecond: number, atMs: number): void;
  at(nowMs: number): LinkState;
  /** When the uplink was last learnt about; `undefined` before the first time. */
  learntAtMs(): number | undefined;
}

// Before anything was sent: hopeful, so that the first requests try the link and learn it.
const PRIOR_BITS_PER_SECOND = 20e6;
const PRIOR_ROUND_TRIP_MS = 20;
// A rate that nobody has tried for that long is thought to double again and again: sooner or later it is tried.
const TRUSTED_MS = 30_000;
const DOUBLING_MS = 20_000;
// A transfer that took less only shows that the link is at least as fast: what else takes time hides the rest.
const RATE_MIN_MS = 10;
// And of a transfer as quick and as short as this, nothing is shown at all.
const LEAST_BYTES = 1000;
const MAX_BITS_PER_SECOND = 10e9;
const LEAST_MS_PER_BYTE = 8000 / MAX_BITS_PER_SECOND;
const PRIOR_MS_PER_BYTE = 8000 / PRIOR_BITS_PER_SECOND;
// The quick average follows in a request or two; the slow one remembers what the link mostly is.
const QUICK = 0.85;
const SLOW = 0.2;
const SILENCE = 2;
// Times are linear in milliseconds per byte, so the mean of these, not of rates, makes the mean time least.
const QUICK_SHARE = 0.85;
// A normal distribution's standard deviation in mean absolute deviations.
const DEVIATIONS = 1.25;

/** @param quantile 0.5 is the link as expected; 0.9 one that is slower nine times in ten */
export function createLinkEstimate(quantile = 0.5): LinkEstimate {
  // The normal distribution's quantile, near enough.
  const caution = 0.6 * Math.log(quantile / (1 - quantile));
  const uplink = createPaceEstimate();
  const downlink = createPaceEstimate();
  const roundTrip = createAverage(0.3);
  const roundTripSpread = createAverage(0.3);
  let learntAtMs: number | undefined;
  return {
    push(sample) {
      const overheadMs = (roundTrip.value ?? PRIOR_ROUND_TRIP_MS) / 2;
      const doubtMs = roundTripSpread.value ?? 0;
      const { atMs, sentBytes, uplinkMs, receivedBytes, downlinkMs } = sample;
      const up = { bytes: sentBytes, ms: uplinkMs - overheadMs, doubtMs };
      const down = { bytes: receivedBytes, ms: downlinkMs - overheadMs, doubtMs };
      if (uplink.learn({ ...up, spread: sample.uplinkBitsPerSecond })) learntAtMs = atMs;
      downlink.learn({ ...down, spread: sample.downlinkBitsPerSecond });
    },
    pushRoundTrip(ms, spreadMs = 0) {
      roundTrip.push(ms + spreadMs);
      roundTripSpread.push(spreadMs);
    },
    pushUpperBound(bitsPerSecond, atMs) {
      uplink.isSlowerThan(bitsPerSecond);
      learntAtMs = atMs;
    },
    at(nowMs) {
      const idleMs = learntAtMs === undefined ? 0 : nowMs - learntAtMs - TRUSTED_MS;
      const hope = 2 ** (Math.max(0, idleMs) / DOUBLING_MS);
      const up = Math.min(
        (uplink.bitsPerSecond(caution) ?? PRIOR_BITS_PER_SECOND) * hope,
        MAX_BITS_PER_SECOND,
      );
      return {
        uplinkBitsPerSecond: up,
        // Replies are mostly too short to measure; then the two ways are taken to be alike.
        downlinkBitsPerSecond: downlink.bitsPerSecond(caution) ?? up,
        roundTripMs: roundTrip.value ?? PRIOR_ROUND_TRIP_MS,
      };
    },
    learntAtMs: () => learntAtMs,
  };
}

interface Transfer {
  /** The rate by the spread of arrivals, where that could be told. */
  readonly spread: number | undefined;
  readonly bytes: number;
  readonly ms: number;
  /** By how much `ms` may be off. */
  readonly doubtMs: number;
}

interface PaceEstimate {
  /** Whether the transfer said anything. */
  learn(transfer: Transfer): boolean;
  isSlowerThan(bitsPerSecond: number): void;
  /** @param caution standard deviations of the logarithm that it is taken to be slower */
  bitsPerSecond(caution: number): number | undefined;
}

/** One direction: milliseconds per byte at two speeds. */
function createPaceEstimate(): PaceEstimate {
  const quick = createAverage(QUICK);
  const slow = createAverage(SLOW);
  const deviation = createAverage(SLOW);
  const expected = () =>
    quick.value === undefined
      ? undefined
      : QUICK_SHARE * quick.value + (1 - QUICK_SHARE) * Math.min(slow.value ?? quick.value, 2 * quick.value);
  /** @param share of the weight of one that is sure */
  function take(shown: number, share = 1): void {
    const known = expected();
    const held = Math.max(shown, LEAST_MS_PER_BYTE);
    if (known !== undefined) deviation.push(Math.abs(Math.log(held / known)), share);
    quick.push(held, share);
    slow.push(held, share);
  }

  function takeFirst({ bytes, ms, doubtMs }: Transfer): boolean {
    if (ms < RATE_MIN_MS && bytes < LEAST_BYTES) return false;
    take(clamp(PRIOR_MS_PER_BYTE, (ms - doubtMs) / bytes, (Math.max(ms, 0) + doubtMs) / bytes));
    return true;
  }

  /** At most what it may have taken; one that may as well be quicker than is known says nothing. */
  function takeBound({ bytes, ms, doubtMs }: Transfer, known: number): boolean {
    const most = (Math.max(ms, 0) + doubtMs) / bytes;
    if (most >= known) return bytes >= LEAST_BYTES && (ms - doubtMs) / bytes >= known;
    take(most);
    return true;
  }

  return {
    learn(transfer) {
      const { spread, bytes, ms, doubtMs } = transfer;
      const known = expected();
      if (spread !== undefined) take(8000 / spread);
      else if (known === undefined) return takeFirst(transfer);
      else if (ms < RATE_MIN_MS) return takeBound(transfer, known);
      else take(ms / bytes, ms ** 2 / (ms ** 2 + doubtMs ** 2));
      return true;
    },
    isSlowerThan(bitsPerSecond) {
      const atLeast = 8000 / bitsPerSecond;
      if (atLeast <= (expected() ?? 8000 / PRIOR_BITS_PER_SECOND)) return;
      // How much slower nobody knows; to think too ill of it costs a probe, to think too well another silence.
      quick.set(SILENCE * atLeast);
      slow.push(atLeast);
    },
    bitsPerSecond(caution) {
      const msPerByte = expected();
      const factor = Math.exp(caution * (deviation.value ?? 0) * DEVIATIONS);
      return msPerByte === undefined ? undefined : 8000 / (msPerByte * factor);
    },
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

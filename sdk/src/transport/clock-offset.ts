/** How a gateway's clock compares with ours, from exchanges: of the recent ones the quickest bounds the error best. */

/** One exchange. Ours and theirs are each monotonic milliseconds of an arbitrary origin. */
export interface ClockSample {
  readonly sentMs: number;
  readonly remoteReceivedMs: number;
  readonly remoteSentMs: number;
  readonly receivedMs: number;
}

export interface ClockOffset {
  add(sample: ClockSample): void;
  /** Their clock minus ours, off by half the quickest round trip at most; `undefined` before the first exchange. */
  offsetMs(): number | undefined;
  /** Time on the wire of the quickest recent exchange, both ways; `undefined` before the first. */
  roundTripMs(): number | undefined;
  /** By how much those exchanges varied that met nothing; as much as it took where there is but one. */
  roundTripSpreadMs(): number | undefined;
  /** Whether the last sample is older than 10 s, as clocks drift, or there are fewer than tell how much such times vary. */
  wantsMore(atMs: number): boolean;
}

const MAX_SAMPLES = 8;
const MAX_AGE_MS = 60_000;
const STALE_MS = 10_000;
// Timers and processes vary by that, also where a few exchanges happen to be alike.
const LEAST_SPREAD_MS = 0.5;

export function createClockOffset(): ClockOffset {
  let samples: readonly ClockSample[] = [];
  return {
    add: (sample) => {
      const recent = samples.filter(({ receivedMs }) => sample.receivedMs - receivedMs < MAX_AGE_MS);
      samples = [...recent, sample].slice(-MAX_SAMPLES);
    },
    offsetMs: () => {
      const [first, ...others] = samples;
      if (!first) return undefined;
      return offsetOf(others.reduce((best, one) => (travelMs(one) < travelMs(best) ? one : best), first));
    },
    roundTripMs: () => (samples.length === 0 ? undefined : Math.min(...samples.map(travelMs))),
    roundTripSpreadMs: () => {
      const times = samples.map(travelMs).sort((a, b) => a - b);
      const [quickest] = times;
      if (quickest === undefined) return undefined;
      // The slower half may have met requests on their way.
      const late = times[1 + (times.length >> 2)] ?? 2 * quickest;
      return Math.max(LEAST_SPREAD_MS, late - quickest);
    },
    wantsMore: (atMs) => {
      const last = samples.at(-1);
      return samples.length < MAX_SAMPLES || last === undefined || atMs - last.receivedMs > STALE_MS;
    },
  };
}

function travelMs({ sentMs, remoteReceivedMs, remoteSentMs, receivedMs }: ClockSample): number {
  return receivedMs - sentMs - (remoteSentMs - remoteReceivedMs);
}

/** Taken as if both ways took the same time. */
function offsetOf({ sentMs, remoteReceivedMs, remoteSentMs, receivedMs }: ClockSample): number {
  return (remoteReceivedMs - sentMs + (remoteSentMs - receivedMs)) / 2;
}

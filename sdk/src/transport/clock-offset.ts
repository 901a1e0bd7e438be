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
  /** Whether the last sample is older than 10 s: clocks drift. */
  isStale(atMs: number): boolean;
}

const MAX_SAMPLES = 8;
const MAX_AGE_MS = 60_000;
const STALE_MS = 10_000;

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
    isStale: (atMs) => atMs - (samples.at(-1)?.receivedMs ?? Number.NEGATIVE_INFINITY) > STALE_MS,
  };
}

function travelMs({ sentMs, remoteReceivedMs, remoteSentMs, receivedMs }: ClockSample): number {
  return receivedMs - sentMs - (remoteSentMs - remoteReceivedMs);
}

/** Taken as if both ways took the same time. */
function offsetOf({ sentMs, remoteReceivedMs, remoteSentMs, receivedMs }: ClockSample): number {
  return (remoteReceivedMs - sentMs + (remoteSentMs - receivedMs)) / 2;
}

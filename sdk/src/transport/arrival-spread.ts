/** The link's rate as a message shows it: so many bytes came after the first ones, in so long. */

/** Bytes that are held when a part comes in, itself included. */
export interface Arrival {
  readonly atMs: number;
  readonly heldBytes: number;
}

export interface ArrivalSpread {
  readonly firstArrivalMs: number;
  /** Bytes after those that had come by then. */
  readonly laterBytes: number;
}

// Little data or a short time measures the machine, not the link.
const LEAST_BYTES = 64 * 1024;
const LEAST_MS = 5;

/** Bits a second; `undefined` where it says nothing. */
export function rateOf(laterBytes: number, elapsedMs: number): number | undefined {
  return laterBytes >= LEAST_BYTES && elapsedMs >= LEAST_MS ? (laterBytes * 8_000) / elapsedMs : undefined;
}

/**
 * Counts from the first arrival or from the second, whichever shows the slower link: the first packet after a pause finds
 * everybody asleep, and one that is late makes the link seem faster than it is.
 */
export function spreadOf(
  [first, second]: readonly [Arrival, ...Arrival[]],
  totalBytes: number,
  lastMs: number,
): ArrivalSpread {
  const from = ({ atMs, heldBytes }: Arrival) => ({
    firstArrivalMs: atMs,
    laterBytes: totalBytes - heldBytes,
  });
  if (second === undefined) return from(first);
  const rate = (arrival: Arrival) => rateOf(totalBytes - arrival.heldBytes, lastMs - arrival.atMs);
  const isSlower = (rate(second) ?? Number.POSITIVE_INFINITY) < (rate(first) ?? Number.POSITIVE_INFINITY);
  return from(isSlower ? second : first);
}

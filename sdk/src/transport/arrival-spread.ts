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

// Two looks that differ by less tell the same rate; what is left between them is the machine.
const ALIKE = 1.15;

/**
 * Counts from the first arrival or from the second, whichever shows the slower link: the first packet after a pause finds
 * everybody asleep, and one that is late makes the link seem faster than it is. Where the two differ by much, packets vary on
 * their way, and the slower would mostly be too slow: it counts from halfway between them.
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
  const rate = (arrival: Arrival) => rateOf(totalBytes - arrival.heldBytes, lastMs - arrival.atMs);
  const [firstRate, secondRate] = [rate(first), second && rate(second)];
  if (!second || firstRate === undefined || secondRate === undefined) return from(first);
  const [slower, faster] = firstRate < secondRate ? [first, second] : [second, first];
  const isAlike = Math.max(firstRate, secondRate) < ALIKE * Math.min(firstRate, secondRate);
  return from(isAlike ? slower : halfway(slower, faster));
}

function halfway(one: Arrival, other: Arrival): Arrival {
  return {
    atMs: (one.atMs + other.atMs) / 2,
    heldBytes: Math.round((one.heldBytes + other.heldBytes) / 2),
  };
}

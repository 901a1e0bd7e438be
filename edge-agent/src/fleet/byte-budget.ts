/** So many bytes a day and no more: after each message, how long to be silent. */

const DAY_MS = 86_400_000;
/** Of a PUBLISH beside topic and payload. */
const PACKET_BYTES = 8;

export interface ByteBudget {
  readonly bytesPerDay: number;
  /** However small the messages are, no more often than this. */
  readonly minPauseMs: number;
}

/** Milliseconds until the next message may go, after one with these bytes of topic and payload. */
export function pauseAfter({ bytesPerDay, minPauseMs }: ByteBudget, bytes: number): number {
  return Math.max(minPauseMs, ((bytes + PACKET_BYTES) / bytesPerDay) * DAY_MS);
}

/**
 * How far a sender may be ahead of the receiver: about a second of the link, as credit shows it.
 * More would sit in socket buffers, where pings and small messages wait behind it: on 1 Mbit/s a megabyte is eight
 * seconds, and the broker takes the connection for dead.
 */

export interface SendWindow {
  readonly bytes: number;
  /** The receiver granted that many bytes more, that long after the grant before (or after the first part). */
  credited(bytes: number, elapsedMs: number): void;
}

const FIRST_BYTES = 256 * 1024;
const LEAST_BYTES = 64 * 1024;
const SPAN_MS = 1000;
const NEWEST_SHARE = 0.5;

export function createSendWindow(mostBytes: number): SendWindow {
  let bytes = Math.min(FIRST_BYTES, mostBytes);
  return {
    get bytes() {
      return bytes;
    },
    credited(grantedBytes, elapsedMs) {
      const wanted = (grantedBytes / Math.max(elapsedMs, 1)) * SPAN_MS;
      const next = bytes + NEWEST_SHARE * (wanted - bytes);
      bytes = Math.min(mostBytes, Math.max(LEAST_BYTES, Math.round(next)));
    },
  };
}

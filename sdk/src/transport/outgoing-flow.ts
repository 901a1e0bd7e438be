/** One large message on its way out: which parts are still to go, and how far ahead of the receiver it is. */
import type { Parts } from './parts.ts';

export interface CreditGrant {
  readonly attempt: number;
  readonly receivedBytes: number;
  readonly heldBytes: number;
  /** Parts to send again, ascending. */
  readonly missing?: readonly number[] | undefined;
}

export interface OutgoingFlow {
  readonly attempt: number;
  /** The receiver holds all of it. */
  readonly isWhole: boolean;
  readonly isEmpty: boolean;
  /** Bytes that this grant says arrived since the one before. */
  granted(grant: CreditGrant): number;
  /** The next part if it may go now, taken from the queue. */
  take(windowBytes: number): number | undefined;
}

/** @param isProbe the first part alone, and more only when credit shows what is still wanted */
export function createOutgoingFlow(options: {
  readonly parts: Parts;
  readonly attempt: number;
  readonly isProbe: boolean;
  readonly mostMissing: number;
}): OutgoingFlow {
  const { parts, attempt, mostMissing } = options;
  const all = Array.from({ length: parts.count }, (_, part) => part);
  let queue = options.isProbe ? [0] : all;
  let isProbing = options.isProbe;
  let sentBytes = 0;
  let receivedBytes = 0;
  let isWhole = false;
  /** What the last part said of the window: a quarter of it brings credit, where the message is larger than the window. */
  let saidWindowBytes = Number.POSITIVE_INFINITY;

  /** What was lost takes no room in the window any more. */
  function askedAgain(missing: readonly number[]): void {
    const last = missing.at(-1) ?? 0;
    const after = missing.length >= mostMissing ? all.slice(last + 1) : [];
    const again = [...missing, ...after].filter((part) => part < parts.count && !queue.includes(part));
    if (!isProbing) for (const part of again) sentBytes -= parts.bytesOf(part);
    queue = [...again, ...queue];
  }

  return {
    attempt,
    get isWhole() {
      return isWhole;
    },
    get isEmpty() {
      return queue.length === 0;
    },
    granted: (grant) => {
      const bytes = grant.receivedBytes - receivedBytes;
      receivedBytes = Math.max(receivedBytes, grant.receivedBytes);
      isWhole ||= grant.heldBytes >= parts.totalBytes;
      const missing = grant.missing ?? (isProbing ? all.slice(1, 1 + mostMissing) : []);
      if (missing.length > 0) askedAgain(missing);
      isProbing = false;
      return bytes;
    },
    take: (windowBytes) => {
      const [part] = queue;
      if (part === undefined || isWhole) return undefined;
      const length = parts.bytesOf(part);
      const aheadBytes = sentBytes - receivedBytes;
      // While no credit can come of what is under way, the next one goes in any case.
      const isCredited = parts.totalBytes > saidWindowBytes && aheadBytes >= saidWindowBytes / 4;
      if (isCredited && aheadBytes + length > windowBytes) return undefined;
      saidWindowBytes = windowBytes;
      sentBytes += length;
      queue = queue.slice(1);
      return part;
    },
  };
}

/** Where the time of one exchange went. Pure: times of two clocks and their offset in, stages out. */
import type { ResultHeader } from '../protocol/v1/messages.ts';
import { rateOf } from './arrival-spread.ts';
import type { WholeMessage } from './assembly.ts';

export interface ReplyTimings {
  /** From the first publish to the last byte of the reply. */
  readonly roundTripMs: number;
  /** From the first publish to the gateway having the last byte. */
  readonly uplinkMs: number;
  /** From the gateway's first publish of the reply to our having the last byte. */
  readonly downlinkMs: number;
  readonly queueMs: number;
  readonly decodeMs: number;
  readonly tailMs: number;
  readonly encodeMs: number;
  /** Bytes published for this request, headers and repeated parts included. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly attempts: number;
  /** From how the parts spread at the gateway; only where that says anything: 64 KiB and 5 ms at least. */
  readonly uplinkBitsPerSecond?: number;
  readonly downlinkBitsPerSecond?: number;
}

export interface ExchangeRecord {
  readonly result: WholeMessage<ResultHeader>;
  /** When the request was first published, on our clock. */
  readonly publishedMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly attempts: number;
  /** The gateway's clock minus ours. */
  readonly offsetMs: number | undefined;
}

export function replyTimings(record: ExchangeRecord): ReplyTimings {
  const { result, publishedMs, sentBytes, receivedBytes, attempts } = record;
  const { queueMs, decodeMs, tailMs, encodeMs } = result.head;
  const roundTripMs = result.lastArrivalMs - publishedMs;
  const networkMs = Math.max(0, roundTripMs - (result.head.repliedMs - result.head.lastArrivalMs));
  const uplinkMs = uplinkShare(record, networkMs);
  const stages = {
    roundTripMs,
    uplinkMs,
    downlinkMs: networkMs - uplinkMs,
    queueMs,
    decodeMs,
    tailMs,
    encodeMs,
  };
  return { ...stages, sentBytes, receivedBytes, attempts, ...(attempts === 1 && rates(result)) };
}

/** The offset may be off by half a round trip, so the share is held within what there is. */
function uplinkShare({ result, publishedMs, offsetMs }: ExchangeRecord, networkMs: number): number {
  if (offsetMs === undefined) return networkMs / 2;
  return Math.min(networkMs, Math.max(0, result.head.lastArrivalMs - offsetMs - publishedMs));
}

function rates(
  result: WholeMessage<ResultHeader>,
): Pick<ReplyTimings, 'uplinkBitsPerSecond' | 'downlinkBitsPerSecond'> {
  const { head, laterBytes } = result;
  const uplink = rateOf(head.laterBytes, head.lastArrivalMs - head.firstArrivalMs);
  const downlink = rateOf(laterBytes, result.lastArrivalMs - result.firstArrivalMs);
  return {
    ...(uplink !== undefined && { uplinkBitsPerSecond: uplink }),
    ...(downlink !== undefined && { downlinkBitsPerSecond: downlink }),
  };
}

/** Tells of a request what becomes of it: admitted, then finished or refused. */
import { asSplitError, type Clock, type IncomingRequest, type OutgoingReply } from '@cutpoint/sdk/gateway';
import type { GatewayEvents, RequestFacts } from './events.ts';
import type { Batcher, Ran } from './serving/batcher.ts';

export interface ToldRequest {
  readonly clock: Clock;
  readonly events: GatewayEvents;
  readonly batcher: Pick<Batcher, 'length'>;
  readonly facts: RequestFacts;
  readonly request: Pick<IncomingRequest, 'arrivedMs' | 'deadlineMs' | 'tensors' | 'uplinkBitsPerSecond'>;
}

export interface Handled {
  readonly reply: OutgoingReply;
  readonly ran: Ran;
}

/** @param handle calls its argument once the request has a place */
export async function tellRequest(
  { clock, events, batcher, facts, request }: ToldRequest,
  handle: (admitted: () => void) => Promise<Handled>,
): Promise<OutgoingReply> {
  const { arrivedMs, deadlineMs, uplinkBitsPerSecond } = request;
  const requestBytes = bytesOf(request.tensors);
  let wasAdmitted = false;
  const admitted = () => {
    wasAdmitted = true;
    events.emit('request-admitted', {
      ...{ request: facts, arrivedMs, deadlineMs, requestBytes, uplinkBitsPerSecond },
      inHand: batcher.length,
    });
  };
  try {
    const { reply, ran } = await handle(admitted);
    const { decodeMs, encodeMs } = reply;
    const { queueMs, tailMs, copyMs, batchSize, batchCuts, executor, provider } = ran;
    events.emit('request-finished', {
      ...{ request: facts, arrivedMs, totalMs: clock.nowMs() - arrivedMs },
      ...{ decodeMs, queueMs, tailMs, copyMs, encodeMs, batchSize, batchCuts, executor, provider },
      ...{ requestBytes, replyBytes: bytesOf(reply.tensors) },
    });
    return reply;
  } catch (error) {
    const { code, retryAfterMs } = asSplitError(error);
    const elapsedMs = clock.nowMs() - arrivedMs;
    events.emit('request-refused', { request: facts, code, wasAdmitted, elapsedMs, retryAfterMs });
    throw error;
  }
}

function bytesOf(tensors: readonly { readonly frame: Uint8Array }[]): number {
  return tensors.reduce((sum, { frame }) => sum + frame.length, 0);
}

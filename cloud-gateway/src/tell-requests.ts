/** Tells of each request that was taken, answered or refused, as events.ts says. */
import { asSplitError, type Clock } from '@cutpoint/sdk';
import type { IncomingRequest } from '@cutpoint/sdk/gateway';
import type { GatewayEvents, RequestFacts } from './events.ts';
import type { ServedModel } from './models/served-model.ts';
import type { HandleRequest } from './tail.ts';
import type { WorkQueue } from './work-queue.ts';

export interface TellOptions {
  readonly events: GatewayEvents;
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly provider: string;
}

/** The folder has one version of each model, and one runtime runs them all. */
const [VERSION, EXECUTOR] = ['1', 'runtime'];

export function tellRequests(handle: HandleRequest, o: TellOptions): HandleRequest {
  const { events, models, clock, provider } = o;
  return async (incoming) => {
    const { model, arrivedMs, deadlineMs, uplinkBitsPerSecond } = incoming;
    const request = factsOf(incoming, models);
    const requestBytes = bytesOf(incoming.tensors);
    const inHand = o.queue.length + 1;
    events.emit('request-admitted', {
      ...{ request, arrivedMs, deadlineMs, requestBytes, inHand, uplinkBitsPerSecond },
    });
    try {
      const reply = await handle(incoming);
      const { decodeMs, queueMs, tailMs, encodeMs } = reply;
      events.emit('batch-ran', {
        ...{ model, version: VERSION, executor: EXECUTOR, provider, size: 1, cuts: 1, runMs: tailMs },
        batching: 'none',
      });
      events.emit('request-finished', {
        ...{ request, arrivedMs, totalMs: clock.nowMs() - arrivedMs },
        ...{ decodeMs, queueMs, copyMs: 0, tailMs, encodeMs, batchSize: 1, batchCuts: 1 },
        ...{ executor: EXECUTOR, provider, requestBytes, replyBytes: bytesOf(reply.tensors) },
      });
      return reply;
    } catch (error) {
      const { code } = asSplitError(error);
      const elapsedMs = clock.nowMs() - arrivedMs;
      events.emit('request-refused', { request, code, wasAdmitted: true, elapsedMs });
      throw error;
    }
  };
}

function factsOf(
  { id, device, model, cut, traceparent }: IncomingRequest,
  models: ReadonlyMap<string, ServedModel>,
): RequestFacts {
  const version = models.has(model) ? VERSION : undefined;
  return { id, via: 'mqtt', device, tenant: 'default', model, version, cut, traceparent };
}

function bytesOf(tensors: readonly { readonly frame: Uint8Array }[]): number {
  return tensors.reduce((sum, { frame }) => sum + frame.length, 0);
}

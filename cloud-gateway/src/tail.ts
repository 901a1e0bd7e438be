/** One request, from frames to frames: the page to read to see what a gateway does. */
import {
  type Clock,
  type Codec,
  type ExecutorRequest,
  type IncomingRequest,
  type OutgoingReply,
  SplitError,
} from '@cutpoint/sdk/gateway';
import type { FrameDecoder } from './decode/frame-decoder.ts';
import {
  checkRequest,
  type DecodedRequest,
  encodeReply,
  framesOf,
  partFrames,
} from './decode/request-frames.ts';
import type { GatewayEvents, RequestFacts } from './events.ts';
import type { Crossing, ServedModel } from './models/served-model.ts';
import type { PolicyDesk } from './policy/desk.ts';
import { tellRequest } from './request-events.ts';
import type { Batcher, Ran } from './serving/batcher.ts';
import type { Tenants } from './serving/quota.ts';
import { checkSealed, handOn, wayOf, withStages } from './stages/hand-on.ts';
import type { NextStage } from './stages/next-stage.ts';

export interface TailOptions {
  /** @throws SplitError `model-unknown`, `model-mismatch` */
  readonly findModel: (name: string, digest: string) => ServedModel;
  /** For replies. */
  readonly codec: Codec;
  readonly decoder: FrameDecoder;
  readonly batcher: Batcher;
  readonly tenants: Tenants;
  /** Decides by the models' policies. @default none is asked */
  readonly desk?: PolicyDesk | undefined;
  readonly clock: Clock;
  readonly events: GatewayEvents;
  /** Who is asked to run the next stage. @default nobody: requests with a route are refused */
  readonly next?: NextStage | undefined;
}

export type HandleRequest = (request: IncomingRequest) => Promise<OutgoingReply>;

export function createTailHandler(o: TailOptions): HandleRequest {
  const { codec, clock, decoder } = o;

  async function handle(request: IncomingRequest, facts: RequestFacts, admitted: () => void) {
    const model = o.findModel(request.model, request.digest);
    const leaveModel = model.hold();
    try {
      const way = wayOf(request, model, o.next);
      const { crossing } = way;
      o.desk?.checkRequest(model, crossing, { ...request, via: 'mqtt' });
      checkSealed(request, way);
      checkRequest({ ...request, fetches: way.ownFetches }, crossing);
      const place = o.batcher.admit({
        ...{ model, tenant: facts.tenant, costMs: crossing.expectedMs(), deadlineMs: request.deadlineMs },
      });
      admitted();
      try {
        const decoded = await timed(clock, () => decoder.decode(framesOf(request, crossing)));
        const fetches = [...new Set([...way.ownFetches, ...(way.onward?.crossing ?? [])])];
        const run = runOf({ ...request, fetches }, crossing, partFrames(decoded.value));
        const ran = await place.run(run, crossing.id);
        if (ran.batchSize === 1) crossing.observe(ran.tailMs);
        // While others run the next stages, this one's place is free for the next request.
        const handedOn =
          way.onward &&
          (await handOn(o, request, {
            ...{ ...way.onward, values: ran.values, facts },
            rules: model.policy?.rules(request.dataClass),
          }));
        const own = { ...request, fetches: way.ownFetches };
        const encoded = await timed(clock, () => encodeReply(codec, own, ran.values));
        const reply = replyOf(ran, decoded.elapsedMs, encoded);
        return { reply: handedOn ? withStages(reply, handedOn) : reply, ran, version: model.version };
      } finally {
        place.leave();
      }
    } finally {
      leaveModel();
    }
  }

  return async (request) => {
    const { id, device, model, cut, traceparent } = request;
    const tenant = o.tenants.tenantOf(device);
    const version = versionOf(o, request);
    const facts: RequestFacts = { id, via: 'mqtt', device, tenant, model, version, cut, traceparent };
    return await tellRequest({ ...o, request, facts }, (admitted) => handle(request, facts, admitted));
  };
}

/** For events; what is wrong with the name is said by who handles it. */
function versionOf({ findModel }: TailOptions, { model, digest }: IncomingRequest): string | undefined {
  try {
    return findModel(model, digest).version;
  } catch (error) {
    if (error instanceof SplitError) return undefined;
    throw error;
  }
}

function runOf(
  { fetches, signal }: IncomingRequest,
  { cut, to }: Crossing,
  { feeds, quantisedFeeds }: DecodedRequest,
): ExecutorRequest {
  return { feeds, quantisedFeeds, fetches, signal, ...(cut && { from: cut }), ...(to && { to }) };
}

function replyOf(
  { queueMs, copyMs, tailMs }: Ran,
  decodeMs: number,
  encoded: { readonly value: OutgoingReply['tensors']; readonly elapsedMs: number },
): OutgoingReply {
  // The device knows four stages: the way to the executor and back is part of the tail to it.
  return { tensors: encoded.value, queueMs, decodeMs, tailMs: tailMs + copyMs, encodeMs: encoded.elapsedMs };
}

async function timed<T>(clock: Clock, work: () => Promise<T>): Promise<{ value: T; elapsedMs: number }> {
  const startMs = clock.nowMs();
  const value = await work();
  return { value, elapsedMs: clock.nowMs() - startMs };
}

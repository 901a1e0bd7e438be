/** A request with a route: what this gateway runs of it, what it hands on, and how both answers become one. */
import {
  type Clock,
  type Codec,
  type CodecProfile,
  type IncomingRequest,
  isCodecProfile,
  type OutgoingReply,
  type Reply,
  type RouteStage,
  SplitError,
  type StageField,
  type Tensors,
} from '@cutpoint/sdk/gateway';
import { encodeReply } from '../decode/request-frames.ts';
import type { Crossing, ServedModel } from '../models/served-model.ts';
import type { NextStage } from './next-stage.ts';

export interface Way {
  /** What is run here. */
  readonly crossing: Crossing;
  /** What is asked for and made here. */
  readonly ownFetches: readonly string[];
  /** Absent where all is run here. */
  readonly onward: OnwardWay | undefined;
}

export interface OnwardWay {
  readonly next: NextStage;
  readonly route: readonly [RouteStage, ...(readonly RouteStage[])];
  /** Names of what crosses to the next stage. */
  readonly crossing: readonly string[];
  /** What is asked for and made behind this stage. */
  readonly fetches: readonly string[];
}

/** @throws SplitError `cut-invalid`, `codec-invalid`, `gateway-unavailable` where nothing is handed on here */
export function wayOf(
  { cut, to, route, fetches }: IncomingRequest,
  model: ServedModel,
  next: NextStage | undefined,
): Way {
  const [stage, ...later] = route ?? [];
  if (stage === undefined)
    return { crossing: model.crossing(cut, to), ownFetches: fetches, onward: undefined };
  if (next === undefined)
    throw new SplitError('gateway-unavailable', 'this gateway does not hand requests on');
  if (!isCodecProfile(stage.profile))
    throw new SplitError('codec-invalid', `what crosses cut ${stage.cut} has profile '${stage.profile}'`);
  const crossing = model.crossing(cut, stage.cut);
  const made = new Set(crossing.madeOutputs.map(({ name }) => name));
  return {
    crossing,
    ownFetches: fetches.filter((name) => made.has(name)),
    onward: {
      ...{ next, route: [stage, ...later] },
      crossing: crossing.to?.tensors.map(({ name }) => name) ?? [],
      fetches: fetches.filter((name) => !made.has(name)),
    },
  };
}

export interface HandOnMeans {
  readonly codec: Codec;
  readonly clock: Clock;
}

export interface HandedOn {
  readonly reply: Reply;
  /** Encoding what crosses, and the wait for the answer. */
  readonly elapsedMs: number;
}

/** @throws SplitError what the next stages say */
export async function handOn(
  { codec, clock }: HandOnMeans,
  request: IncomingRequest,
  { next, route, crossing, fetches, values }: OnwardWay & { readonly values: Tensors },
): Promise<HandedOn> {
  const startMs = clock.nowMs();
  const { model, digest, to, replyProfile, traceparent, signal, deadlineMs, arrivedMs } = request;
  const profile = route[0].profile as CodecProfile; // As checked when the way was found.
  const tensors = await encodeReply(codec, { fetches: crossing, replyProfile: profile }, values);
  const deadlineAtMs = arrivedMs + deadlineMs;
  const reply = await next.ask({
    ...{ model, digest, route, to, tensors, fetches, replyProfile, traceparent, deadlineAtMs, signal },
  });
  return { reply, elapsedMs: clock.nowMs() - startMs };
}

/** What came back goes on as it is: nobody on the way needs to read it. */
export function withStages(own: OutgoingReply, { reply, elapsedMs }: HandedOn): OutgoingReply {
  const { queueMs, decodeMs, tailMs, encodeMs, roundTripMs } = reply.timings;
  const stage: StageField = {
    ...{ gateway: reply.gateway, queueMs, decodeMs, tailMs, encodeMs },
    elapsedMs: roundTripMs,
  };
  return {
    ...own,
    tensors: [...own.tensors, ...reply.tensors],
    tailMs: own.tailMs + elapsedMs,
    stages: [stage, ...(reply.stages ?? [])],
  };
}

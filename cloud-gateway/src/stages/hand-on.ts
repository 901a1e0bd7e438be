/** A request with a route: what this gateway runs of it, what it hands on, and how both answers become one. */
import {
  asSplitError,
  type Clock,
  type Codec,
  type CodecProfile,
  type ErrorCode,
  type IncomingRequest,
  isCodecProfile,
  type OutgoingReply,
  type PlacementRules,
  type Reply,
  type RouteStage,
  SplitError,
  type StageField,
  type Tensors,
} from '@cutpoint/sdk/gateway';
import { encodeReply } from '../decode/request-frames.ts';
import type { GatewayEvents, RequestFacts } from '../events.ts';
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

/** @throws SplitError `encryption-required` where what came sealed would go on in the clear */
export function checkSealed({ isSealed }: Pick<IncomingRequest, 'isSealed'>, { onward }: Way): void {
  if (!isSealed || !onward || onward.next.seals) return;
  throw new SplitError(
    'encryption-required',
    'the request came sealed, and this gateway has no key to seal it for the next one',
  );
}

export interface HandOnMeans {
  readonly codec: Codec;
  readonly clock: Clock;
  readonly events: GatewayEvents;
}

export interface HandedOn {
  readonly reply: Reply;
  /** Encoding what crosses, and the wait for the answer. */
  readonly elapsedMs: number;
}

export type Onwards = OnwardWay & {
  readonly values: Tensors;
  readonly facts: RequestFacts;
  /** Which those behind must keep; absent without a policy. */
  readonly rules: PlacementRules | undefined;
};

/** @throws SplitError what the next stages say */
export async function handOn(
  means: HandOnMeans,
  request: IncomingRequest,
  { facts, ...onward }: Onwards,
): Promise<HandedOn> {
  const { clock, events } = means;
  const startMs = clock.nowMs();
  const told = (code?: ErrorCode) =>
    events.emit('request-handed-on', { request: facts, code, elapsedMs: clock.nowMs() - startMs });
  try {
    const reply = await askNext(means, request, onward);
    told();
    return { reply, elapsedMs: clock.nowMs() - startMs };
  } catch (error) {
    told(asSplitError(error).code);
    throw error;
  }
}

async function askNext(
  { codec }: HandOnMeans,
  request: IncomingRequest,
  { next, route, crossing, fetches, values, rules }: Omit<Onwards, 'facts'>,
): Promise<Reply> {
  const { model, digest, to, replyProfile, traceparent, dataClass, signal } = request;
  const profile = route[0].profile as CodecProfile; // As checked when the way was found.
  const tensors = await encodeReply(codec, { fetches: crossing, replyProfile: profile }, values);
  const deadlineAtMs = request.arrivedMs + request.deadlineMs;
  return next.ask({
    ...{ model, digest, route, to, tensors, fetches, replyProfile, traceparent, dataClass },
    ...{ rules, deadlineAtMs, signal },
  });
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

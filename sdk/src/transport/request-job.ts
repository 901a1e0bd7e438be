/** One request at the gateway: run once, answered as often as it is asked again, ended by its deadline. */
import type { Clock } from '../clock.ts';
import { asSplitError, SplitError } from '../errors.ts';
import type { ProbeHeader, RequestHeader, RouteStage, StageField } from '../protocol/v1/messages.ts';
import type { ResultSeal } from '../protocol/v1/sealed.ts';
import { rateOf } from './arrival-spread.ts';
import type { WholeMessage } from './assembly.ts';
import { type GatewaySeal, openPlain } from './gateway-seal.ts';
import { type NamedFrame, splitFrames, tensorFields } from './named-frames.ts';
import type { Outbox } from './outbox.ts';
import { cutIntoParts, type Parts } from './parts.ts';
import type { CachedJob } from './reply-cache.ts';

export interface IncomingRequest {
  readonly id: string;
  /** From the request's topic, so it is as true as the broker's access rules. */
  readonly device: string;
  readonly model: string;
  readonly digest: string;
  readonly cut: string;
  /** The cut to stop at. Absent: at the model's outputs. */
  readonly to?: string | undefined;
  /** Further stages; absent where there are none. */
  readonly route?: readonly RouteStage[] | undefined;
  readonly tensors: readonly NamedFrame[];
  readonly fetches: readonly string[];
  readonly replyProfile: string;
  /** Milliseconds left to the device when the last byte had arrived. */
  readonly deadlineMs: number;
  /** Fires at the deadline, and when the server stops. */
  readonly signal: AbortSignal;
  /** When the last byte arrived, on the gateway's clock. */
  readonly arrivedMs: number;
  /** How fast the bytes after its first part arrived, in bits a second; where there were enough of them to tell. */
  readonly uplinkBitsPerSecond?: number | undefined;
  /** W3C trace context, where the device sent one. */
  readonly traceparent?: string | undefined;
  /** The class of data that the device says it is. */
  readonly dataClass?: string | undefined;
  /** Whether the payload came encrypted from the device. */
  readonly isSealed: boolean;
}

export interface OutgoingReply {
  readonly tensors: readonly NamedFrame[];
  readonly queueMs: number;
  readonly decodeMs: number;
  readonly tailMs: number;
  readonly encodeMs: number;
  /** Of a request that was handed on. */
  readonly stages?: readonly StageField[] | undefined;
}

export interface JobOptions {
  readonly gatewayId: string;
  readonly device: string;
  /** Without its payload, which is let go of when the answer is made. */
  readonly message: Omit<WholeMessage<RequestHeader | ProbeHeader>, 'payload'>;
  readonly totalBytes: number;
  readonly replyTopic: string;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly seal?: GatewaySeal | undefined;
  handle(request: IncomingRequest): Promise<OutgoingReply>;
  /** Payload bytes of a part beside this header. */
  partBytes(head: object): number;
  sendError(error: SplitError): void;
  /** The answer takes its time: tell the device that nothing more needs to be sent. */
  tellHeld(attempt: number): void;
}

export interface RequestJob extends CachedJob {
  /** The latest attempt of the device that was seen. */
  readonly attempt: number;
  readonly totalBytes: number;
  /** Runs, and answers unless the deadline has passed. */
  run(payload: Uint8Array): Promise<void>;
  /** The device asks again: the answer goes out again if it is there. */
  repeat(attempt: number): void;
  /** The device waits no more: nothing is sent, and what still runs may end. */
  cancel(): void;
  stop(): void;
}

interface GoodAnswer {
  readonly reply: OutgoingReply;
  readonly parts: Parts;
  readonly seal?: ResultSeal | undefined;
  readonly error?: undefined;
}

type Answer = GoodAnswer | { readonly error: SplitError; readonly parts?: undefined };

/** An answer within this time, in milliseconds, says by itself that the request arrived. */
const HELD_NOTICE_MS = 50;

const ANSWERED = Symbol('answered');

const NOTHING: OutgoingReply = { tensors: [], queueMs: 0, decodeMs: 0, tailMs: 0, encodeMs: 0 };

export function createRequestJob(options: JobOptions): RequestJob {
  const { message, clock } = options;
  const { head } = message;
  const ended = new AbortController();
  let sending = new AbortController();
  let attempt = head.attempt;
  let answer: Answer | undefined;
  let isDone = false;
  ended.signal.addEventListener('abort', () => sending.abort(ANSWERED), { once: true });

  async function run(payload: Uint8Array): Promise<void> {
    const deadlineMs = head.deadlineMs - (message.lastArrivalMs - message.headArrivalMs);
    // The sleep ends early when the server stops.
    clock.sleep(Math.max(0, deadlineMs), ended.signal).then(expire, () => undefined);
    const made = new AbortController();
    if (head.parts > 1)
      clock.sleep(HELD_NOTICE_MS, made.signal).then(
        () => options.tellHeld(attempt),
        () => undefined,
      );
    if (deadlineMs <= 0) ended.abort(new SplitError('deadline-exceeded', 'the deadline passed on the way'));
    else answer = await makeAnswer(options, { payload, deadlineMs, signal: ended.signal });
    isDone = true;
    made.abort(ANSWERED);
    await send();
  }

  function expire(): void {
    ended.abort(new SplitError('deadline-exceeded', `the device waited ${Math.round(head.deadlineMs)} ms`));
  }

  /** A new answer ends the one before: the device has lost parts of it. */
  async function send(): Promise<void> {
    if (!answer || ended.signal.aborted) return;
    if (answer.error) options.sendError(answer.error);
    else await sendReply(answer);
  }

  async function sendReply({ reply, parts, seal }: GoodAnswer): Promise<void> {
    sending.abort(ANSWERED);
    sending = new AbortController();
    const { signal } = sending;
    const result = { ...resultHead(options, reply), repliedMs: clock.nowMs(), ...(seal && { seal }) };
    try {
      const key = jobKey(options.device, head.id);
      await options.outbox.send({ topic: options.replyTopic, key, head: result, parts, attempt, signal });
    } catch (cause) {
      const error = asSplitError(cause);
      // Without a broker nobody can be told; the device asks again when it is back.
      if (error.code !== 'broker-unreachable' && error.code !== 'closed') options.sendError(error);
    }
  }

  return {
    get attempt() {
      return attempt;
    },
    get isDone() {
      return isDone;
    },
    get keptBytes() {
      return answer?.parts?.totalBytes ?? 0;
    },
    totalBytes: options.totalBytes,
    dropAnswer: () => {
      answer = {
        error: new SplitError('overloaded', 'the reply was not kept; send the request again under a new id'),
      };
    },
    run,
    repeat: (next) => {
      attempt = next;
      // send() rejects nothing: it tells the device, or leaves it to ask again.
      if (isDone) void send();
    },
    cancel: () => ended.abort(new SplitError('aborted', 'the device waits no more')),
    stop: () => ended.abort(new SplitError('gateway-unavailable', 'the gateway stops')),
  };
}

/** Under which a request is known: devices choose their ids without knowing each other's. */
export function jobKey(device: string, id: string): string {
  return `${device}/${id}`;
}

interface Work {
  readonly payload: Uint8Array;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

async function makeAnswer(options: JobOptions, { payload, deadlineMs, signal }: Work): Promise<Answer> {
  try {
    const { head } = options.message;
    if (head.t === 'probe') return { reply: NOTHING, parts: cutIntoParts([], 1) };
    const opened = await openRequest(options, head, payload);
    const reply = await options.handle(incoming(options, head, { ...opened, deadlineMs, signal }));
    const frames = reply.tensors.map(({ frame }) => frame);
    const closed = await opened.closeResult(tensorFields(reply.tensors), frames);
    const partBytes = options.partBytes({
      ...resultHead(options, reply),
      ...(closed.seal && { seal: closed.seal }),
    });
    return { reply, parts: cutIntoParts(closed.frames, partBytes), seal: closed.seal };
  } catch (error) {
    return { error: asSplitError(error) };
  }
}

function openRequest(
  { seal, device, gatewayId: gateway }: JobOptions,
  head: RequestHeader,
  payload: Uint8Array,
) {
  if (seal) return seal.open({ ...head, device, gateway }, payload);
  if (!head.seal) return openPlain(payload);
  throw new SplitError('decryption-failed', `gateway ${gateway} has no keys; it takes requests in the clear`);
}

function incoming(
  { device, message }: JobOptions,
  { tensors: fields, seal, ...head }: RequestHeader,
  end: { readonly payload: Uint8Array; readonly deadlineMs: number; readonly signal: AbortSignal },
): IncomingRequest {
  const { id, model, digest, cut, to, route, fetches, replyProfile, traceparent, dataClass } = head;
  const { payload, deadlineMs, signal } = end;
  const tensors = splitFrames(fields, payload);
  const arrivedMs = message.lastArrivalMs;
  const uplinkBitsPerSecond = rateOf(message.laterBytes, arrivedMs - message.firstArrivalMs);
  return {
    ...{ id, device, model, digest, cut, to, route, tensors, fetches, replyProfile },
    ...{ arrivedMs, deadlineMs, signal, uplinkBitsPerSecond, traceparent, dataClass },
    isSealed: seal !== undefined,
  };
}

function resultHead({ gatewayId, message }: JobOptions, { tensors, ...times }: OutgoingReply) {
  const { queueMs, decodeMs, tailMs, encodeMs, stages } = times;
  const { firstArrivalMs, lastArrivalMs, laterBytes } = message;
  return {
    v: 1,
    t: 'result',
    id: message.head.id,
    gateway: gatewayId,
    tensors: tensorFields(tensors),
    ...{ queueMs, decodeMs, tailMs, encodeMs, firstArrivalMs, lastArrivalMs, laterBytes },
    repliedMs: 0,
    ...(stages && { stages }),
  } as const;
}

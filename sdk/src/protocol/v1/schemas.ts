/** What the headers of messages.ts look like on the wire. Unknown keys are dropped: a newer peer may send them. */
import { z } from '../../zod.ts';
import { MAX_MISSING_PARTS, MAX_ROUTE_GATEWAYS, MAX_ROUTE_STAGES } from '../limits.ts';
import type { MessageHeader } from './messages.ts';

export const IdSchema: z.ZodMiniType<string> = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/));

const Version = z.literal(1);
const Name = z.string().check(z.minLength(1), z.maxLength(256));
const Count = z.int().check(z.nonnegative());
const Positive = z.int().check(z.positive());
const Milliseconds = z.number().check(z.nonnegative());

const part = { part: Count, parts: Positive, totalBytes: Count, attempt: Positive, windowBytes: Positive };
const tensors = z.array(z.object({ name: Name, bytes: Count }));

const requestSeal = z.object({ keyId: IdSchema, epoch: IdSchema, salt: IdSchema, sequence: Positive });
const resultSeal = z.object({ nonce: z.string().check(z.regex(/^[0-9a-f]{24}$/)) });

const routeStage = z.object({
  cut: z.string().check(z.maxLength(64)),
  profile: z.string().check(z.maxLength(64)),
  gateways: z.optional(z.array(IdSchema).check(z.minLength(1), z.maxLength(MAX_ROUTE_GATEWAYS))),
});

const stage = z.object({
  gateway: IdSchema,
  queueMs: Milliseconds,
  decodeMs: Milliseconds,
  tailMs: Milliseconds,
  encodeMs: Milliseconds,
  elapsedMs: Milliseconds,
});

const Request = z.object({
  v: Version,
  t: z.literal('request'),
  id: IdSchema,
  model: Name,
  digest: z.string().check(z.maxLength(128)),
  cut: z.string().check(z.maxLength(64)),
  to: z.optional(z.string().check(z.maxLength(64))),
  route: z.optional(z.array(routeStage).check(z.minLength(1), z.maxLength(MAX_ROUTE_STAGES))),
  tensors,
  fetches: z.array(Name),
  replyProfile: z.string().check(z.maxLength(64)),
  deadlineMs: Milliseconds,
  seal: z.optional(requestSeal),
  // One that is none loses a trace, not a request.
  traceparent: z.catch(
    z.optional(z.string().check(z.regex(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/))),
    undefined,
  ),
  dataClass: z.optional(IdSchema),
  ...part,
});

const Result = z.object({
  v: Version,
  t: z.literal('result'),
  id: IdSchema,
  gateway: IdSchema,
  tensors,
  queueMs: Milliseconds,
  decodeMs: Milliseconds,
  tailMs: Milliseconds,
  encodeMs: Milliseconds,
  firstArrivalMs: z.number(),
  lastArrivalMs: z.number(),
  laterBytes: Count,
  repliedMs: z.number(),
  stages: z.optional(z.array(stage).check(z.maxLength(MAX_ROUTE_STAGES))),
  seal: z.optional(resultSeal),
  ...part,
});

const Failure = z.object({
  v: Version,
  t: z.literal('error'),
  id: IdSchema,
  gateway: IdSchema,
  code: z.string().check(z.maxLength(64)),
  message: z.string().check(z.maxLength(2048)),
  retryAfterMs: z.optional(Milliseconds),
  price: z.optional(Milliseconds),
});

const Credit = z.object({
  v: Version,
  t: z.literal('credit'),
  id: IdSchema,
  attempt: Positive,
  receivedBytes: Count,
  heldBytes: Count,
  missing: z.optional(z.array(Count).check(z.maxLength(MAX_MISSING_PARTS))),
});

const Cancel = z.object({ v: Version, t: z.literal('cancel'), id: IdSchema });
const Probe = z.object({
  v: Version,
  t: z.literal('probe'),
  id: IdSchema,
  deadlineMs: Milliseconds,
  ...part,
});

const Part = z.object({ v: Version, t: z.literal('part'), id: IdSchema, ...part });
const Announce = z.object({ v: Version, t: z.literal('announcement'), gateway: IdSchema });
const Hello = z.object({ v: Version, t: z.literal('hello') });
const Ping = z.object({ v: Version, t: z.literal('ping'), id: IdSchema });
const Pong = z.object({
  v: Version,
  t: z.literal('pong'),
  id: IdSchema,
  gateway: IdSchema,
  atMs: z.number(),
});

export const HeaderSchema: z.ZodMiniType<MessageHeader> = z.discriminatedUnion('t', [
  Request,
  Result,
  Failure,
  Credit,
  Cancel,
  Probe,
  Part,
  Announce,
  Hello,
  Ping,
  Pong,
]);

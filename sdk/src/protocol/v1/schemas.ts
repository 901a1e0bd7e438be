/** What the headers of messages.ts look like on the wire. Unknown keys are dropped: a newer peer may send them. */
import { z } from 'zod';
import { MAX_MISSING_PARTS, MAX_ROUTE_GATEWAYS, MAX_ROUTE_STAGES } from '../limits.ts';
import type { MessageHeader } from './messages.ts';

export const IdSchema: z.ZodType<string> = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

const Version = z.literal(1);
const Name = z.string().min(1).max(256);
const Count = z.number().int().nonnegative();
const Positive = z.number().int().positive();
const Milliseconds = z.number().nonnegative();

const part = { part: Count, parts: Positive, totalBytes: Count, attempt: Positive, windowBytes: Positive };
const tensors = z.array(z.object({ name: Name, bytes: Count }));

const requestSeal = z.object({ keyId: IdSchema, epoch: IdSchema, salt: IdSchema, sequence: Positive });
const resultSeal = z.object({ nonce: z.string().regex(/^[0-9a-f]{24}$/) });

const routeStage = z.object({
  cut: z.string().max(64),
  profile: z.string().max(64),
  gateways: z.array(IdSchema).min(1).max(MAX_ROUTE_GATEWAYS).optional(),
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
  digest: z.string().max(128),
  cut: z.string().max(64),
  to: z.string().max(64).optional(),
  route: z.array(routeStage).min(1).max(MAX_ROUTE_STAGES).optional(),
  tensors,
  fetches: z.array(Name),
  replyProfile: z.string().max(64),
  deadlineMs: Milliseconds,
  seal: requestSeal.optional(),
  // One that is none loses a trace, not a request.
  traceparent: z
    .string()
    .regex(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
    .optional()
    .catch(undefined),
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
  stages: z.array(stage).max(MAX_ROUTE_STAGES).optional(),
  seal: resultSeal.optional(),
  ...part,
});

const Failure = z.object({
  v: Version,
  t: z.literal('error'),
  id: IdSchema,
  gateway: IdSchema,
  code: z.string().max(64),
  message: z.string().max(2048),
  retryAfterMs: Milliseconds.optional(),
  price: Milliseconds.optional(),
});

const Credit = z.object({
  v: Version,
  t: z.literal('credit'),
  id: IdSchema,
  attempt: Positive,
  receivedBytes: Count,
  heldBytes: Count,
  missing: z.array(Count).max(MAX_MISSING_PARTS).optional(),
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

export const HeaderSchema: z.ZodType<MessageHeader> = z.discriminatedUnion('t', [
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

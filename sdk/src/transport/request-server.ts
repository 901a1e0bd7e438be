/** A gateway's side: announces itself, takes requests from devices, answers each where its topic says. */
import type { Clock } from '../clock.ts';
import { asSplitError, SplitError } from '../errors.ts';
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../protocol/envelope.ts';
import { DEFAULT_CHUNK_BYTES, DEFAULT_MAX_PAYLOAD_BYTES, DEFAULT_WINDOW_BYTES } from '../protocol/limits.ts';
import type { AnnouncementBody } from '../protocol/v1/announcement.ts';
import {
  idOf,
  type MessageHeader,
  type PartHeader,
  type ProbeHeader,
  parseHeader,
  type RequestHeader,
} from '../protocol/v1/messages.ts';
import { topicsOf } from '../protocol/v1/topics.ts';
import { ANNOUNCING, type AnnouncementPaceOptions } from './announcement-pace.ts';
import type { Credit, WholeMessage } from './assembly.ts';
import { createAnnouncer } from './gateway-announcer.ts';
import type { GatewaySeal } from './gateway-seal.ts';
import { createInbox } from './inbox.ts';
import { createOutbox } from './outbox.ts';
import { partBytesFor } from './parts.ts';
import { createReplyCache } from './reply-cache.ts';
import {
  createRequestJob,
  type IncomingRequest,
  jobKey,
  type OutgoingReply,
  type RequestJob,
} from './request-job.ts';
import type { Transport } from './transport.ts';

export type { AnnouncedCut, AnnouncedModel, AnnouncementBody } from '../protocol/v1/announcement.ts';
export { offlineWill } from './gateway-announcer.ts';
export type { IncomingRequest, OutgoingReply } from './request-job.ts';

export interface RequestServerOptions {
  readonly transport: Transport;
  /** 1 to 64 letters, digits, `_` or `-`. */
  readonly gatewayId: string;
  /** First level of all topics. @default 'cutpoint' */
  readonly namespace?: string;
  readonly clock: Clock;
  /** Largest request. @default 64 MiB */
  readonly maxPayloadBytes?: number;
  /** Bytes of a reply that may be under way. @default 1 MiB */
  readonly windowBytes?: number;
  /** Payload bytes of one part of a large reply. @default 64 KiB */
  readonly chunkBytes?: number;
  /** Opens sealed requests. @default all in the clear */
  readonly seal?: GatewaySeal | undefined;
  /** Answers are kept so long for devices that ask again, in milliseconds; longest 120,000, and then refused. @default 120000 */
  readonly retentionMs?: number | undefined;
  /** How often the announcement is repeated. @default after 5 s, and each time twice as long, up to 30 s, while it says the same */
  readonly announcing?: AnnouncementPaceOptions;
  /**
   * What to announce, asked each time. While draining, the state is `draining` whatever this says.
   * `undefined`: the gateway cannot serve, and devices hear that it is gone.
   */
  announce(): AnnouncementBody | undefined;
  /** Runs one request. A SplitError that it throws goes to the device by code and message; the cause stays here. */
  handle(request: IncomingRequest): Promise<OutgoingReply>;
}

export interface RequestServer {
  /** Subscribes, then announces. Announces again whenever the broker was lost. Safe to call twice. */
  start(): Promise<void>;
  /** Publishes the announcement again. Without a connection it waits for the next one. */
  announce(): Promise<void>;
  /** Refuses what comes from now on with `gateway-unavailable`, and waits until what was taken is answered. */
  drain(): Promise<void>;
  /** Says goodbye, ends what is still running, unsubscribes. Safe to call twice. The transport stays open. */
  stop(): Promise<void>;
}

/** @throws SplitError `options-invalid` for a gateway id or namespace of other letters than topics may have */
export function createRequestServer(options: RequestServerOptions): RequestServer {
  const { transport, gatewayId, clock } = options;
  const { chunkBytes = DEFAULT_CHUNK_BYTES, maxPayloadBytes = DEFAULT_MAX_PAYLOAD_BYTES } = options;
  const { namespace = 'cutpoint', announcing = ANNOUNCING } = options;
  const topics = topicsOf(namespace);
  const outbox = createOutbox(transport, options.windowBytes ?? DEFAULT_WINDOW_BYTES, clock);
  const inbox = createInbox<AnyRequest>({ maxPayloadBytes });
  const cache = createReplyCache<RequestJob>();
  const running = new Map<RequestJob, Promise<void>>();
  const undo: (() => void | Promise<void>)[] = [];
  const stopped = new AbortController();
  const announcer = createAnnouncer({
    ...{ transport, gatewayId, namespace, clock, pace: announcing },
    body: currentAnnouncement,
  });
  let state: 'ready' | 'draining' | 'stopped' = 'ready';
  let starting: Promise<void> | undefined;

  /** Small messages to a device. What is lost here is asked for again. */
  function tell(device: string, header: MessageHeader): void {
    transport.publish(topics.reply(device), encodeEnvelope(header)).catch(() => undefined);
  }

  function refuse(device: string, id: string, error: SplitError): void {
    const { code, message: text, retryAfterMs, price } = error;
    const hint = {
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(price !== undefined && { price }),
    };
    tell(device, { v: 1, t: 'error', id, gateway: gatewayId, code, message: text.slice(0, 1024), ...hint });
  }

  function sendCredit(device: string, id: string, credit: Credit): void {
    tell(device, { v: 1, t: 'credit', id, ...credit });
  }

  function currentAnnouncement(): AnnouncementBody | undefined {
    const body = state === 'stopped' ? undefined : options.announce();
    if (!body) return undefined;
    const seal = options.seal && { seal: options.seal.announced };
    return { ...body, ...seal, ...(state === 'draining' && { state }) };
  }

  function receive(topic: string, bytes: Uint8Array): void {
    const parsed = topics.parse(topic);
    if (state === 'stopped') return;
    if (parsed?.kind === 'hello') answerHello(parsed.device);
    if (parsed?.kind === 'request') receiveFrom(parsed.device, bytes);
  }

  function receiveFrom(device: string, bytes: Uint8Array): void {
    // Taken before anything else: what parsing takes is not the link's.
    const atMs = clock.nowMs();
    let envelope: Envelope | undefined;
    try {
      envelope = decodeEnvelope(bytes);
      dispatch(device, parseHeader(envelope.header), { payload: envelope.payload, atMs });
    } catch (error) {
      // Bytes without an id came from no request that anyone waits for.
      const id = idOf(envelope?.header);
      if (id !== undefined) refuse(device, id, asSplitError(error));
    }
  }

  /** To the one who asks: the retained announcement does not reach everyone on every broker. */
  function answerHello(device: string): void {
    const bytes = announcer.answer();
    if (bytes) transport.publish(topics.reply(device), bytes).catch(() => undefined);
  }

  function dispatch(device: string, header: MessageHeader, arrived: Arrived): void {
    if (header.t === 'credit') outbox.credit(jobKey(device, header.id), header);
    if (header.t === 'cancel') cancel(device, header.id);
    if (header.t === 'ping')
      tell(device, { v: 1, t: 'pong', id: header.id, gateway: gatewayId, atMs: arrived.atMs });
    if (header.t === 'request' || header.t === 'probe' || header.t === 'part')
      takePart(device, header, arrived);
  }

  function cancel(device: string, id: string): void {
    inbox.forget(device, id);
    cache.get(jobKey(device, id))?.cancel();
  }

  function takePart(device: string, header: AnyRequest | PartHeader, arrived: Arrived): void {
    const known = cache.get(jobKey(device, header.id));
    if (known) repeat(device, known, header);
    else if (state !== 'ready') refuse(device, header.id, draining(gatewayId));
    else takeNewPart(device, header, arrived);
  }

  function takeNewPart(device: string, header: AnyRequest | PartHeader, arrived: Arrived): void {
    const { id } = header;
    const head = header.t === 'part' ? {} : { head: header };
    const outcome = inbox.accept({ sender: device, id, fields: header, ...head, ...arrived });
    if (outcome.kind === 'partial' && outcome.credit) sendCredit(device, id, outcome.credit);
    if (outcome.kind === 'refused') refuse(device, id, outcome.error);
    if (outcome.kind === 'whole') begin(device, outcome.message);
  }

  /** Credit for all of it tells the device that nothing more needs to be sent. */
  function repeat(device: string, job: RequestJob, { id, attempt }: PartHeader | AnyRequest): void {
    if (attempt <= job.attempt) return;
    tellHeld(device, id, { attempt, totalBytes: job.totalBytes });
    job.repeat(attempt);
  }

  function tellHeld(device: string, id: string, held: { attempt: number; totalBytes: number }): void {
    const { attempt, totalBytes } = held;
    sendCredit(device, id, { attempt, receivedBytes: totalBytes, heldBytes: totalBytes });
  }

  function begin(device: string, { payload, ...message }: WholeMessage<AnyRequest>): void {
    const { id } = message.head;
    const totalBytes = payload.length;
    const job = createRequestJob({
      ...{ gatewayId, device, message, totalBytes, outbox, clock, seal: options.seal },
      replyTopic: topics.reply(device),
      handle: (request) => options.handle(request),
      partBytes: (head) => partBytesFor(chunkBytes, transport.maxPacketBytes, head),
      sendError: (error) => refuse(device, id, error),
      tellHeld: (attempt) => tellHeld(device, id, { attempt, totalBytes }),
    });
    cache.add(jobKey(device, id), job, message.lastArrivalMs);
    const ended = job.run(payload).finally(() => {
      running.delete(job);
      cache.answered(job);
      forgetInTime(job);
    });
    running.set(job, ended);
  }

  function forgetInTime(job: RequestJob): void {
    if (options.retentionMs === undefined) return;
    const dropped = clock.sleep(options.retentionMs, stopped.signal).then(() => cache.drop(job));
    dropped.catch(() => undefined); // The server stopped: with it goes what it kept.
  }

  async function start(): Promise<void> {
    undo.push(
      transport.onStateChange((change) => {
        // Should this one be lost as well, the next connect brings another.
        if (change === 'connected') announcer.announce().catch(() => undefined);
      }),
    );
    for (const filter of [topics.requestsTo(gatewayId), topics.allHellos]) {
      const subscription = await transport.subscribe(filter, receive);
      undo.push(() => subscription.close());
    }
    await announcer.announce();
    announcer.start(stopped.signal);
  }

  async function drain(): Promise<void> {
    if (state === 'ready') state = 'draining';
    for (const { sender, id } of inbox.clear()) refuse(sender, id, draining(gatewayId));
    // A broker that is away hears it when it is back.
    await announcer.announce().catch(() => undefined);
    await Promise.all(running.values());
  }

  async function stop(): Promise<void> {
    if (state === 'stopped') return;
    state = 'stopped';
    stopped.abort();
    await announcer.goodbye();
    for (const job of running.keys()) job.stop();
    await Promise.all(undo.splice(0).map((step) => step()));
  }

  return {
    start: () => {
      starting ??= start();
      return starting;
    },
    announce: announcer.announce,
    drain,
    stop,
  };
}

type AnyRequest = RequestHeader | ProbeHeader;

interface Arrived {
  readonly payload: Uint8Array;
  /** When it came in, on our clock. */
  readonly atMs: number;
}

function draining(gatewayId: string): SplitError {
  return new SplitError('gateway-unavailable', `gateway ${gatewayId} drains`);
}

/** A gateway's side: announces itself, takes requests from devices, answers each where its topic says. */
import type { Clock } from '../clock.ts';
import { asSplitError, SplitError } from '../errors.ts';
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../protocol/envelope.ts';
import { DEFAULT_CHUNK_BYTES, DEFAULT_MAX_PAYLOAD_BYTES, DEFAULT_WINDOW_BYTES } from '../protocol/limits.ts';
import { type Announcement, type AnnouncementBody, encodeAnnouncement } from '../protocol/v1/announcement.ts';
import {
  idOf,
  type MessageHeader,
  type PartHeader,
  parseHeader,
  type RequestHeader,
} from '../protocol/v1/messages.ts';
import { topicsOf } from '../protocol/v1/topics.ts';
import type { Credit } from './assembly.ts';
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
import type { Transport, Will } from './transport.ts';

export type { AnnouncedCut, AnnouncedModel, AnnouncementBody } from '../protocol/v1/announcement.ts';
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
  /** What to announce, asked each time. While draining, the state is `draining` whatever this says. */
  announce(): AnnouncementBody;
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

/** The will for a gateway's transport: devices hear at once that it died. */
export function offlineWill({
  gatewayId,
  namespace = 'cutpoint',
}: {
  gatewayId: string;
  namespace?: string;
}): Will {
  const payload = announcement(gatewayId, { state: 'offline', models: [], maxPayloadBytes: 1 });
  return { topic: topicsOf(namespace).status(gatewayId), payload, retain: true };
}

/** @throws SplitError `options-invalid` for a gateway id or namespace of other letters than topics may have */
export function createRequestServer(options: RequestServerOptions): RequestServer {
  const { transport, gatewayId, clock } = options;
  const { chunkBytes = DEFAULT_CHUNK_BYTES, maxPayloadBytes = DEFAULT_MAX_PAYLOAD_BYTES } = options;
  const topics = topicsOf(options.namespace ?? 'cutpoint');
  const statusTopic = topics.status(gatewayId);
  const outbox = createOutbox(transport, options.windowBytes ?? DEFAULT_WINDOW_BYTES, clock);
  const inbox = createInbox<RequestHeader>({ maxPayloadBytes });
  const cache = createReplyCache<RequestJob>();
  const running = new Map<RequestJob, Promise<void>>();
  const undo: (() => void | Promise<void>)[] = [];
  let state: 'ready' | 'draining' | 'stopped' = 'ready';
  let starting: Promise<void> | undefined;

  /** Small messages to a device. What is lost here is asked for again. */
  function tell(device: string, header: MessageHeader, payload: readonly Uint8Array[] = []): void {
    transport.publish(topics.reply(device), encodeEnvelope(header, payload)).catch(() => undefined);
  }

  function refuse(device: string, id: string, { code, message: text }: SplitError): void {
    tell(device, { v: 1, t: 'error', id, gateway: gatewayId, code, message: text.slice(0, 1024) });
  }

  function sendCredit(device: string, id: string, credit: Credit): void {
    tell(device, { v: 1, t: 'credit', id, ...credit });
  }

  function currentAnnouncement(): AnnouncementBody {
    const body = options.announce();
    return state === 'ready' ? body : { ...body, state: 'draining' };
  }

  async function announce(): Promise<void> {
    if (state === 'stopped' || !transport.isConnected) return;
    await transport.publish(statusTopic, announcement(gatewayId, currentAnnouncement()), { retain: true });
  }

  function receive(topic: string, bytes: Uint8Array): void {
    const parsed = topics.parse(topic);
    if (state === 'stopped') return;
    if (parsed?.kind === 'hello') answerHello(parsed.device);
    if (parsed?.kind === 'request') receiveFrom(parsed.device, bytes);
  }

  function receiveFrom(device: string, bytes: Uint8Array): void {
    let envelope: Envelope | undefined;
    try {
      envelope = decodeEnvelope(bytes);
      dispatch(device, parseHeader(envelope.header), envelope.payload);
    } catch (error) {
      // Bytes without an id came from no request that anyone waits for.
      const id = idOf(envelope?.header);
      if (id !== undefined) refuse(device, id, asSplitError(error));
    }
  }

  /** To the one who asks: the retained announcement does not reach everyone on every broker. */
  function answerHello(device: string): void {
    let body: Uint8Array;
    try {
      body = encodeAnnouncement(currentAnnouncement());
    } catch {
      // start() and announce() throw the same to the one who can mend it.
      return;
    }
    tell(device, { v: 1, t: 'announcement', gateway: gatewayId }, [body]);
  }

  function dispatch(device: string, header: MessageHeader, payload: Uint8Array): void {
    if (header.t === 'credit') outbox.credit(jobKey(device, header.id), header);
    if (header.t === 'ping')
      tell(device, { v: 1, t: 'pong', id: header.id, gateway: gatewayId, atMs: clock.nowMs() });
    if (header.t === 'request' || header.t === 'part') takePart(device, header, payload);
  }

  function takePart(device: string, header: RequestHeader | PartHeader, payload: Uint8Array): void {
    const known = cache.get(jobKey(device, header.id));
    if (known) repeat(device, known, header);
    else if (state !== 'ready') refuse(device, header.id, draining(gatewayId));
    else takeNewPart(device, header, payload);
  }

  function takeNewPart(device: string, header: RequestHeader | PartHeader, payload: Uint8Array): void {
    const { id } = header;
    const head = header.t === 'request' ? { head: header } : {};
    const outcome = inbox.accept({
      sender: device,
      id,
      fields: header,
      ...head,
      payload,
      atMs: clock.nowMs(),
    });
    if ('credit' in outcome && outcome.credit) sendCredit(device, id, outcome.credit);
    if (outcome.kind === 'refused') refuse(device, id, outcome.error);
    if (outcome.kind === 'whole') begin(device, outcome.message);
  }

  /** Credit for all of it tells the device that nothing more needs to be sent. */
  function repeat(device: string, job: RequestJob, { id, attempt }: PartHeader | RequestHeader): void {
    if (attempt <= job.attempt) return;
    sendCredit(device, id, { attempt, receivedBytes: job.totalBytes, heldBytes: job.totalBytes });
    job.repeat(attempt);
  }

  function begin(device: string, message: Parameters<typeof createRequestJob>[0]['message']): void {
    const { id } = message.head;
    const job = createRequestJob({
      ...{ gatewayId, device, message, outbox, clock },
      replyTopic: topics.reply(device),
      handle: (request) => options.handle(request),
      partBytes: (headBytes) => partBytesFor(chunkBytes, transport.maxPacketBytes, headBytes),
      sendError: (error) => refuse(device, id, error),
    });
    cache.add(jobKey(device, id), job, message.lastArrivalMs);
    const ended = job.run().finally(() => {
      running.delete(job);
      cache.answered(job);
    });
    running.set(job, ended);
  }

  async function start(): Promise<void> {
    undo.push(
      transport.onStateChange((change) => {
        // Should this one be lost as well, the next connect brings another.
        if (change === 'connected') announce().catch(() => undefined);
      }),
    );
    for (const filter of [topics.requestsTo(gatewayId), topics.allHellos]) {
      const subscription = await transport.subscribe(filter, receive);
      undo.push(() => subscription.close());
    }
    await announce();
  }

  async function drain(): Promise<void> {
    if (state === 'ready') state = 'draining';
    for (const { sender, id } of inbox.clear()) refuse(sender, id, draining(gatewayId));
    // A broker that is away hears it when it is back.
    await announce().catch(() => undefined);
    await Promise.all(running.values());
  }

  async function stop(): Promise<void> {
    if (state === 'stopped') return;
    state = 'stopped';
    const goodbye = offlineWill({ gatewayId, namespace: options.namespace ?? 'cutpoint' });
    // Where the broker is away, the will has said it.
    await transport.publish(goodbye.topic, goodbye.payload, { retain: true }).catch(() => undefined);
    for (const job of running.keys()) job.stop();
    await Promise.all(undo.splice(0).map((step) => step()));
  }

  return {
    start: () => {
      starting ??= start();
      return starting;
    },
    announce,
    drain,
    stop,
  };
}

function announcement(gatewayId: string, body: Omit<Announcement, 'v' | 'gateway'>): Uint8Array {
  return encodeEnvelope({ v: 1, t: 'announcement', gateway: gatewayId }, [encodeAnnouncement(body)]);
}

function draining(gatewayId: string): SplitError {
  return new SplitError('gateway-unavailable', `gateway ${gatewayId} drains`);
}

/** What comes in on a device's reply topic and from gateways' status topics, sorted by what it is. */
import type { Clock } from '../clock.ts';
import { asSplitError, SplitError, toErrorCode } from '../errors.ts';
import { decodeEnvelope, type Envelope } from '../protocol/envelope.ts';
import { type Announcement, decodeAnnouncement } from '../protocol/v1/announcement.ts';
import {
  type CreditHeader,
  type ErrorHeader,
  idOf,
  type MessageHeader,
  type PartHeader,
  type PongHeader,
  parseHeader,
  type ResultHeader,
} from '../protocol/v1/messages.ts';
import { createInbox } from './inbox.ts';
import type { Exchange } from './request-exchange.ts';

export interface ReplyReceiverOptions {
  readonly clock: Clock;
  readonly maxPayloadBytes: number;
  exchangeOf(id: string): Exchange | undefined;
  onAnnouncement(announcement: Announcement): void;
  onPong(pong: PongHeader): void;
  sendCredit(gateway: string, credit: CreditHeader): void;
}

export interface ReplyReceiver {
  receive(bytes: Uint8Array): void;
  /** `gateway` stands in the topic, where the broker can check who writes. */
  receiveStatus(gateway: string, bytes: Uint8Array): void;
  forget(id: string): void;
  stats(): { readonly lateReplies: number; readonly invalidMessages: number };
}

type ReplyHeader = CreditHeader | ErrorHeader | PartHeader | ResultHeader;

interface Arrived {
  readonly payload: Uint8Array;
  readonly atMs: number;
}

export function createReplyReceiver(options: ReplyReceiverOptions): ReplyReceiver {
  const { clock, exchangeOf } = options;
  const inbox = createInbox<ResultHeader>({
    maxPayloadBytes: options.maxPayloadBytes,
    // Only parts of requests under way come this far, so those bound it.
    maxPerSender: Number.POSITIVE_INFINITY,
  });
  let lateReplies = 0;
  let invalidMessages = 0;

  function dispatch(bytes: Uint8Array, { payload }: Envelope, header: MessageHeader, atMs: number): void {
    if (header.t === 'announcement') options.onAnnouncement(decodeAnnouncement(header.gateway, payload));
    else if (header.t === 'pong') options.onPong(header);
    else if (isReply(header)) dispatchReply(bytes, header, { payload, atMs });
  }

  function dispatchReply(bytes: Uint8Array, header: ReplyHeader, arrived: Arrived): void {
    const exchange = exchangeOf(header.id);
    // Credit for a request that has its reply is no reply that came late.
    if (!exchange && header.t !== 'credit') lateReplies += 1;
    if (!exchange || ('gateway' in header && header.gateway !== exchange.gateway)) return;
    exchange.heard(bytes.length);
    if (header.t === 'credit') exchange.credited(header);
    else if (header.t === 'error') exchange.fail(errorOf(header));
    else takePart(exchange, header, arrived);
  }

  function takePart(exchange: Exchange, header: ResultHeader | PartHeader, arrived: Arrived): void {
    const { id, gateway } = exchange;
    const head = header.t === 'result' ? { head: header } : {};
    const outcome = inbox.accept({ sender: SENDER, id, fields: header, ...head, ...arrived });
    if ('credit' in outcome && outcome.credit) {
      options.sendCredit(gateway, { v: 1, t: 'credit', id, ...outcome.credit });
    }
    if (outcome.kind === 'whole') exchange.succeed(outcome.message);
    if (outcome.kind === 'refused') exchange.fail(outcome.error);
  }

  /** A gateway of another version says so; anything else unreadable may come from anyone and ends nothing. */
  function unreadable(envelope: Envelope | undefined, error: SplitError): void {
    invalidMessages += 1;
    const id = idOf(envelope?.header);
    if (id !== undefined && error.code === 'version-unsupported') exchangeOf(id)?.fail(error);
  }

  return {
    receive: (bytes) => {
      // Taken before anything else: what parsing takes is not the link's.
      const atMs = clock.nowMs();
      let envelope: Envelope | undefined;
      try {
        envelope = decodeEnvelope(bytes);
        dispatch(bytes, envelope, parseHeader(envelope.header), atMs);
      } catch (error) {
        unreadable(envelope, asSplitError(error));
      }
    },
    receiveStatus: (gateway, bytes) => {
      // An empty retained message is how a broker's keeper removes one.
      if (bytes.length === 0) {
        options.onAnnouncement(goneAnnouncement(gateway));
        return;
      }
      try {
        const { header, payload } = decodeEnvelope(bytes);
        if (parseHeader(header).t === 'announcement')
          options.onAnnouncement(decodeAnnouncement(gateway, payload));
      } catch {
        // Nobody is there to be told; the count shows in stats().
        invalidMessages += 1;
      }
    },
    forget: (id) => inbox.forget(SENDER, id),
    stats: () => ({ lateReplies, invalidMessages }),
  };
}

/** All replies come from one place as the inbox sees it: ids alone tell them apart. */
const SENDER = 'gateway';

function errorOf({ code, message, retryAfterMs, price }: ErrorHeader): SplitError {
  return new SplitError(toErrorCode(code), message, { retryAfterMs, price });
}

function isReply(header: MessageHeader): header is ReplyHeader {
  return header.t === 'result' || header.t === 'part' || header.t === 'credit' || header.t === 'error';
}

function goneAnnouncement(gateway: string): Announcement {
  return { v: 1, gateway, state: 'offline', models: [], maxPayloadBytes: 1 };
}

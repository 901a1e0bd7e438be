/** Headers of version 1, and how one that came from a peer is read. schemas.ts checks them. */

import { SplitError } from '../../errors.ts';
import { z } from '../../zod.ts';
import { MIN_CHUNK_BYTES } from '../limits.ts';
import { checkVersion } from '../version.ts';
import { HeaderSchema, IdSchema } from './schemas.ts';
import type { RequestSeal, ResultSeal } from './sealed.ts';

/** Which part of a message this is. Every part carries the claims, so that they may arrive in any order. */
export interface PartFields {
  readonly part: number;
  readonly parts: number;
  /** Payload bytes of all parts together. */
  readonly totalBytes: number;
  /** Counts up from 1 each time the message is sent again. */
  readonly attempt: number;
  /** Bytes that the sender lets be under way; credit is due each quarter of it. */
  readonly windowBytes: number;
}

/** Frames follow each other in the payload; this is one's name and length. */
export interface TensorField {
  readonly name: string;
  readonly bytes: number;
}

/** One stage behind the first: where it begins, and how what crosses there travels to it. */
export interface RouteStage {
  /** A cut's id. The stage before ends there. */
  readonly cut: string;
  /** Codec profile of what is handed on. */
  readonly profile: string;
  /** Ids of the gateways that may run it. Absent: whoever announces that it serves the range. */
  readonly gateways?: readonly string[] | undefined;
}

/**
 * Device to gateway, part 0: run what lies behind `cut` (`input`: the whole model) on these frames. A gateway that hands a
 * request on sends one of these itself, with what is left of the route.
 */
export interface RequestHeader extends PartFields {
  readonly v: 1;
  readonly t: 'request';
  readonly id: string;
  readonly model: string;
  readonly digest: string;
  readonly cut: string;
  /** The cut to stop at: `fetches` may then name what crosses it. Absent: at the model's outputs. */
  readonly to?: string | undefined;
  /** Further stages, in their order: the receiver runs up to the first of these cuts and hands on. Absent: all is its own. */
  readonly route?: readonly RouteStage[] | undefined;
  readonly tensors: readonly TensorField[];
  readonly fetches: readonly string[];
  /** The codec profile that the outputs shall come back in. */
  readonly replyProfile: string;
  /** Milliseconds left to the device when it sent this. */
  readonly deadlineMs: number;
  /** There where the payload is encrypted. */
  readonly seal?: RequestSeal | undefined;
  /** W3C trace context of the run, where the device records one. */
  readonly traceparent?: string | undefined;
  /** Which class of data it is, by the policy's names, where the device says so. */
  readonly dataClass?: string | undefined;
}

/** Either way: a further part of the message with this id. */
export interface PartHeader extends PartFields {
  readonly v: 1;
  readonly t: 'part';
  readonly id: string;
}

/** Either way, against the stream of parts: what has arrived. */
export interface CreditHeader {
  readonly v: 1;
  readonly t: 'credit';
  readonly id: string;
  readonly attempt: number;
  /** Bytes of this attempt that arrived, repeated ones included. */
  readonly receivedBytes: number;
  /** Distinct bytes of the message that are held: all of them when it equals `totalBytes`. */
  readonly heldBytes: number;
  /**
   * Parts to send again, in ascending order: later ones have arrived, or the sender asked. Where it holds
   * MAX_MISSING_PARTS of them, all parts after the last one named are wanted too.
   */
  readonly missing?: readonly number[] | undefined;
}

/** Device to gateway: nobody waits for the answer to the request with this id any more. */
export interface CancelHeader {
  readonly v: 1;
  readonly t: 'cancel';
  readonly id: string;
}

/** Device to gateway, part 0: bytes that mean nothing, answered at once by a result without tensors. */
export interface ProbeHeader extends PartFields {
  readonly v: 1;
  readonly t: 'probe';
  readonly id: string;
  readonly deadlineMs: number;
}

/** What a stage behind the one that answers took, milliseconds of its own clock; `elapsedMs` of the one that asked it. */
export interface StageField {
  readonly gateway: string;
  readonly queueMs: number;
  readonly decodeMs: number;
  readonly tailMs: number;
  readonly encodeMs: number;
  /** From sending to the answer. */
  readonly elapsedMs: number;
}

/** Gateway to device, part 0. Times are milliseconds of the gateway's own monotonic clock. */
export interface ResultHeader extends PartFields {
  readonly v: 1;
  readonly t: 'result';
  readonly id: string;
  readonly gateway: string;
  readonly tensors: readonly TensorField[];
  readonly queueMs: number;
  readonly decodeMs: number;
  readonly tailMs: number;
  readonly encodeMs: number;
  readonly firstArrivalMs: number;
  readonly lastArrivalMs: number;
  /** Bytes of the request that arrived after its first part. */
  readonly laterBytes: number;
  readonly repliedMs: number;
  /** Of a request that was handed on: the stages behind this one, in their order. `tailMs` holds the wait for them too. */
  readonly stages?: readonly StageField[] | undefined;
  /** There where the payload is encrypted. */
  readonly seal?: ResultSeal | undefined;
}

/** Gateway to device: the request failed. */
export interface ErrorHeader {
  readonly v: 1;
  readonly t: 'error';
  readonly id: string;
  readonly gateway: string;
  /** One of ERROR_CODES, or one of a newer peer. */
  readonly code: string;
  readonly message: string;
  /** Of a refusal for want of capacity: when to try again, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** Of such a refusal: the price that the gateway announces, as it is now. */
  readonly price?: number | undefined;
}

/** Gateway to all, or to one device that said hello. The body is CBOR in the payload: announcement.ts. */
export interface AnnouncementHeader {
  readonly v: 1;
  readonly t: 'announcement';
  readonly gateway: string;
}

/** Device to all gateways: announce yourselves. */
export interface HelloHeader {
  readonly v: 1;
  readonly t: 'hello';
}

/** Device to gateway: what does your clock say? */
export interface PingHeader {
  readonly v: 1;
  readonly t: 'ping';
  readonly id: string;
}

/** The answer to a ping, with the gateway's clock in milliseconds. */
export interface PongHeader {
  readonly v: 1;
  readonly t: 'pong';
  readonly id: string;
  readonly gateway: string;
  readonly atMs: number;
}

export type MessageHeader =
  | RequestHeader
  | PartHeader
  | ProbeHeader
  | CreditHeader
  | CancelHeader
  | ResultHeader
  | ErrorHeader
  | AnnouncementHeader
  | HelloHeader
  | PingHeader
  | PongHeader;

/** @throws SplitError `version-unsupported` or `message-invalid` */
export function parseHeader(header: unknown): MessageHeader {
  checkVersion(header);
  const parsed = HeaderSchema.safeParse(header);
  if (!parsed.success) throw new SplitError('message-invalid', z.prettifyError(parsed.error).slice(0, 500));
  if ('parts' in parsed.data) checkPart(parsed.data);
  return parsed.data;
}

/** The id of a message that cannot be read otherwise, so that its sender can be told. */
export function idOf(header: unknown): string | undefined {
  const id = typeof header === 'object' && header !== null && 'id' in header ? header.id : undefined;
  return IdSchema.safeParse(id).data;
}

/** All parts but the last have a minimum size: bounds what can be claimed with few bytes. */
function checkPart({ part, parts, totalBytes }: PartFields): void {
  const mostParts = 1 + Math.floor(totalBytes / MIN_CHUNK_BYTES);
  if (part < parts && parts <= mostParts) return;
  throw new SplitError('message-invalid', `part ${part} of ${parts} in a message of ${totalBytes} bytes`);
}

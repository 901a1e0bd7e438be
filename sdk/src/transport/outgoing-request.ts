/** What a device asks of a gateway, and what it gets. */
import { SplitError } from '../errors.ts';
import type { Announcement } from '../protocol/v1/announcement.ts';
import type { RouteStage, StageField } from '../protocol/v1/messages.ts';
import type { NamedFrame } from './named-frames.ts';
import type { ReplyTimings } from './reply-timings.ts';

export interface OutgoingRequest {
  readonly model: string;
  /** SHA-256 of the model file, hexadecimal. */
  readonly digest: string;
  /** A cut's id, or `input` where the model's inputs are sent. */
  readonly cut: string;
  /** A cut's id where the run is to stop, with `fetches` that cross it. @default at the model's outputs */
  readonly to?: string | undefined;
  /** Further stages. @default none */
  readonly route?: readonly RouteStage[] | undefined;
  readonly tensors: readonly NamedFrame[];
  readonly fetches: readonly string[];
  /** Codec profile for the outputs. */
  readonly replyProfile: string;
  /** W3C trace context, for the gateway's spans to hang below. */
  readonly traceparent?: string | undefined;
  /** Which class of data it is, where the session's policy tells classes apart. */
  readonly dataClass?: string | undefined;
}

export interface Reply {
  readonly gateway: string;
  readonly tensors: readonly NamedFrame[];
  readonly timings: ReplyTimings;
  /** Of a request that was handed on: what the stages behind the gateway took. */
  readonly stages?: readonly StageField[] | undefined;
}

/** @throws SplitError for a request that the gateway, by its announcement, or the device itself would refuse */
export function checkAnnounced(
  { tensors }: OutgoingRequest,
  announced: Announcement | undefined,
  maxPayloadBytes: number,
): void {
  if (announced?.state === 'draining')
    throw new SplitError('gateway-unavailable', `gateway ${announced.gateway} drains`);
  const bytes = tensors.reduce((sum, { frame }) => sum + frame.length, 0);
  const limit = Math.min(maxPayloadBytes, announced?.maxPayloadBytes ?? Number.POSITIVE_INFINITY);
  if (bytes > limit) throw new SplitError('payload-too-large', `request of ${bytes} bytes exceeds ${limit}`);
}

/** What a gateway says of itself: retained on its status topic, and in answer to a hello. The body is CBOR in the payload. */

import { SplitError } from '../../errors.ts';
import { z } from '../../zod.ts';
import { decodeCbor, encodeCbor } from '../cbor.ts';
import { MAX_ANNOUNCEMENT_BYTES } from '../limits.ts';
import { PROTOCOL_VERSION } from '../version.ts';
import type { AnnouncedSeal } from './sealed.ts';

export interface AnnouncedCut {
  readonly id: string;
  /** Time of the tail from this cut on the gateway, in milliseconds, as it measured it. */
  readonly tailMs: number;
}

export interface AnnouncedModel {
  readonly name: string;
  /** SHA-256 of the model file, hexadecimal. */
  readonly digest: string;
  readonly cuts: readonly AnnouncedCut[];
  /** Time of the whole model on the gateway, in milliseconds; `undefined` where it was not measured. */
  readonly inputTailMs?: number | undefined;
  /** Which part of the model it runs for requests that say where to stop or who goes on. Absent: it takes no such requests. */
  readonly range?: AnnouncedRange | undefined;
  /** Over so many ranks its tails run, side by side. Absent: each is run by one runtime. */
  readonly ranks?: number | undefined;
}

/** Requests may begin and end anywhere in it. */
export interface AnnouncedRange {
  /** A cut's id, or `input`. */
  readonly from: string;
  /** A cut's id, or `outputs`. */
  readonly to: string;
  /** Where requests may begin and end, and the time from there to `to`. Absent: the model's `cuts`. */
  readonly cuts?: readonly AnnouncedCut[] | undefined;
}

export interface AnnouncementBody {
  /** A gateway that drains finishes what it has and refuses the rest. */
  readonly state: 'ready' | 'draining';
  readonly models: readonly AnnouncedModel[];
  /** Largest request in bytes that the gateway takes. */
  readonly maxPayloadBytes: number;
  readonly region?: string | undefined;
  /** Work ahead of a newcomer, in milliseconds. */
  readonly queueMs?: number | undefined;
  /** What the gateway asks for a millisecond of its tail, in milliseconds of waiting: above 0 when it is congested. */
  readonly price?: number | undefined;
  /** How often it announces itself, in milliseconds: silent for three times as long, it is taken for gone. */
  readonly everyMs?: number | undefined;
  /** Whether it hands requests on to the next stage of their route. @default false */
  readonly forwards?: boolean | undefined;
  /** There where the gateway takes sealed requests. */
  readonly seal?: AnnouncedSeal | undefined;
  /** There where somebody signed for the gateway. */
  readonly descriptor?: AnnouncedDescriptor | undefined;
}

/** Where a gateway is and what it does with data: a text, and who signed it. docs/policy.md says what is in it. */
export interface AnnouncedDescriptor {
  readonly text: string;
  readonly signatures: readonly {
    readonly keyId: string;
    /** Ed25519, base64. */
    readonly signature: string;
  }[];
}

/** An announcement as a device sees it. `offline` is the gateway's will, or its goodbye. */
export interface Announcement extends Omit<AnnouncementBody, 'state'> {
  readonly v: 1;
  readonly gateway: string;
  readonly state: 'ready' | 'draining' | 'offline';
}

export const DescriptorSchema: z.ZodMiniType<AnnouncedDescriptor> = z.object({
  text: z.string().check(z.maxLength(4096)),
  signatures: z
    .array(
      z.object({
        keyId: z.string().check(z.maxLength(64)),
        signature: z.base64().check(z.maxLength(128)),
      }),
    )
    .check(z.minLength(1), z.maxLength(8)),
});

const Milliseconds = z.number().check(z.nonnegative());

const Cuts = z.array(z.object({ id: z.string().check(z.maxLength(64)), tailMs: Milliseconds }));

const Body = z.object({
  state: z.enum(['ready', 'draining', 'offline']),
  models: z.array(
    z.object({
      name: z.string().check(z.maxLength(256)),
      digest: z.string().check(z.maxLength(128)),
      cuts: Cuts,
      inputTailMs: z.optional(Milliseconds),
      range: z.optional(
        z.object({
          from: z.string().check(z.maxLength(64)),
          to: z.string().check(z.maxLength(64)),
          cuts: z.optional(Cuts),
        }),
      ),
      ranks: z.optional(z.int()),
    }),
  ),
  maxPayloadBytes: z.int().check(z.positive()),
  region: z.optional(z.string().check(z.maxLength(128))),
  queueMs: z.optional(Milliseconds),
  price: z.optional(Milliseconds),
  everyMs: z.optional(z.number().check(z.positive())),
  forwards: z.optional(z.boolean()),
  seal: z.optional(
    z.object({ epoch: z.string().check(z.maxLength(64)), policy: z.enum(['required', 'optional']) }),
  ),
  descriptor: z.optional(DescriptorSchema),
});

/** @throws SplitError `payload-too-large` over 256 KiB, `options-invalid` for what no device would accept */
export function encodeAnnouncement(body: Omit<Announcement, 'v' | 'gateway'>): Uint8Array {
  const checked = Body.safeParse(body);
  if (!checked.success)
    throw new SplitError('options-invalid', `announcement: ${z.prettifyError(checked.error)}`);
  const bytes = encodeCbor(checked.data);
  if (bytes.length <= MAX_ANNOUNCEMENT_BYTES) return bytes;
  throw tooLarge('payload-too-large', bytes);
}

/** @throws SplitError `message-invalid` */
export function decodeAnnouncement(gateway: string, bytes: Uint8Array): Announcement {
  if (bytes.length > MAX_ANNOUNCEMENT_BYTES) throw tooLarge('message-invalid', bytes);
  const body = Body.safeParse(decodeCbor(bytes));
  if (body.success) return { v: PROTOCOL_VERSION, gateway, ...body.data };
  throw new SplitError('message-invalid', `announcement of ${gateway}: ${z.prettifyError(body.error)}`);
}

function tooLarge(code: 'payload-too-large' | 'message-invalid', bytes: Uint8Array): SplitError {
  return new SplitError(code, `announcement of ${bytes.length} bytes exceeds ${MAX_ANNOUNCEMENT_BYTES}`);
}

/** A gateway's descriptor: where it is and what it does with data, signed by whoever answers for it. A file, and announced. */
import { SplitError } from '../errors.ts';
import { type AnnouncedDescriptor, DescriptorSchema } from '../protocol/v1/announcement.ts';
import { z } from '../zod.ts';

export interface GatewayDescriptor {
  readonly format: 'cutpoint-gateway';
  readonly formatVersion: 1;
  /** The gateway's name at its broker. */
  readonly gateway: string;
  readonly region: string;
  /** Who runs the machine: a cloud's name, or the own one. */
  readonly provider?: string | undefined;
  /** Longest time that it keeps what it was sent, or answered, in milliseconds after the answer. */
  readonly retentionMs?: number | undefined;
  /** ISO 8601. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** Rises with every descriptor of this gateway: who has seen one takes none with a lower one. */
  readonly counter: number;
}

/** As it is announced and kept: the very text that was signed, and who signed it. */
export type SignedDescriptor = AnnouncedDescriptor;

export const DESCRIPTOR_TYPE = 'application/vnd.cutpoint.gateway.v1+json';

const Name = z.string().check(z.minLength(1), z.maxLength(64));

const Descriptor = z.strictObject({
  format: z.literal('cutpoint-gateway'),
  formatVersion: z.literal(1),
  gateway: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/)),
  region: Name,
  provider: z.optional(Name),
  retentionMs: z.optional(z.number().check(z.nonnegative())),
  notBefore: z.iso.datetime(),
  notAfter: z.iso.datetime(),
  counter: z.int().check(z.nonnegative()),
});

/** @throws SplitError `options-invalid`, naming the field */
export function checkDescriptor(value: unknown): GatewayDescriptor {
  const parsed = Descriptor.safeParse(value);
  if (!parsed.success)
    throw new SplitError(
      'options-invalid',
      `descriptor: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`,
    );
  const { notBefore, notAfter } = parsed.data;
  if (Date.parse(notBefore) < Date.parse(notAfter)) return parsed.data;
  throw new SplitError(
    'options-invalid',
    `descriptor: notAfter ${notAfter} is not after notBefore ${notBefore}`,
  );
}

/** What a signed text says; whether the signature holds is another question. @throws SplitError `options-invalid` */
export function readDescriptor({ text }: SignedDescriptor): GatewayDescriptor {
  return checkDescriptor(parsed(text, 'the text'));
}

/** The file that a gateway is given. @throws SplitError `options-invalid` */
export function decodeDescriptorFile(text: string): SignedDescriptor {
  const signed = DescriptorSchema.safeParse(parsed(text, 'the file'));
  if (!signed.success)
    throw new SplitError(
      'options-invalid',
      `descriptor: ${z.prettifyError(signed.error).replaceAll('\n', ' ')}`,
    );
  readDescriptor(signed.data);
  return signed.data;
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SplitError('options-invalid', `descriptor: ${what} is not JSON`, { cause });
  }
}

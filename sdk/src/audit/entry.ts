/**
 * Entries of an audit log: who did what, chained by hash, so that none can be changed, moved or taken out unnoticed. An
 * entry is a line of canonical JSON; its hash covers the hash of the one before it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

export const AUDIT_KINDS = [
  'policy-decision',
  'cut-change',
  'model-change',
  'key-change',
  'region-refusal',
  'log-opened',
] as const;

export interface AuditEvent {
  readonly kind: (typeof AUDIT_KINDS)[number];
  /** Device, gateway or person. */
  readonly actor: string;
  /** What happened, in names and numbers; never tensors. At most 16 KiB as JSON. */
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

export interface AuditEntry extends AuditEvent {
  /** Counts from 1. */
  readonly sequence: number;
  /** ISO 8601, as the clock of the machine said: the order is that of `sequence`. */
  readonly at: string;
  /** Hash of the entry before; 64 zeros for the first. */
  readonly previous: string;
  /** SHA-256 over all other fields, in hexadecimal. */
  readonly hash: string;
}

/** The end of a log, as somebody wrote it down. */
export interface AuditHead {
  readonly sequence: number;
  readonly hash: string;
}

export const EMPTY_HEAD: AuditHead = { sequence: 0, hash: '0'.repeat(64) };
export const MAX_ENTRY_BYTES: number = 1 << 15;

const Hash = z.string().regex(/^[0-9a-f]{64}$/);

const EntrySchema = z.strictObject({
  sequence: z.int().positive(),
  at: z.string().max(40),
  kind: z.enum(AUDIT_KINDS),
  actor: z.string().min(1).max(256),
  details: z.record(z.string().max(256), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  previous: Hash,
  hash: Hash,
});

export function nextEntry(head: AuditHead, event: AuditEvent, at: string): AuditEntry {
  const { kind, actor, details } = event;
  const content = {
    sequence: head.sequence + 1,
    at,
    kind,
    actor,
    details: { ...details },
    previous: head.hash,
  };
  return { ...content, hash: hashOf(content) };
}

/** A line without its end. Keys in a fixed order, as the hash takes them. */
export function entryLine({ hash, ...content }: AuditEntry): string {
  return JSON.stringify({ ...JSON.parse(canonicalLine(content)), hash });
}

/** @returns what is wrong with the line after `head`, or the entry */
export function readEntry(line: string, head: AuditHead): AuditEntry | string {
  let content: unknown;
  try {
    content = JSON.parse(line);
  } catch {
    return 'is not JSON';
  }
  const parsed = EntrySchema.safeParse(content);
  if (!parsed.success) return `is not an entry: ${parsed.error.issues[0]?.path.join('.') || 'its shape'}`;
  const { hash, ...rest } = parsed.data;
  if (rest.sequence !== head.sequence + 1)
    return `has number ${rest.sequence} where ${head.sequence + 1} follows`;
  if (rest.previous !== head.hash) return 'does not follow the entry before it';
  return hashOf(rest) === hash ? parsed.data : 'was changed after it was written';
}

function hashOf(content: Omit<AuditEntry, 'hash'>): string {
  return createHash('sha256').update(canonicalLine(content)).digest('hex');
}

function canonicalLine({ sequence, at, kind, actor, details, previous }: Omit<AuditEntry, 'hash'>): string {
  const sorted = Object.fromEntries(Object.entries(details).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify({ sequence, at, kind, actor, details: sorted, previous });
}

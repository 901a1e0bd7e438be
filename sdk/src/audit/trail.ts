/**
 * What a running program writes to its audit log, without waiting for the disk: in order, alike ones that come while
 * another is written as one entry with their number. What cannot be written is not forgotten: `failure` says so.
 */
import { asSplitError, SplitError } from '../errors.ts';
import type { AuditEvent } from './entry.ts';

/** Where entries go: an AuditLog, or another that only grows. */
export interface AuditSink {
  append(event: AuditEvent): Promise<unknown>;
}

export interface AuditTrail {
  note(kind: AuditEvent['kind'], details: AuditEvent['details']): void;
  /** Only what was not noted before under this kind. */
  noteOnce(kind: AuditEvent['kind'], details: AuditEvent['details']): void;
  /** Why the log could not be written; from then on nothing that needs an account may be done. */
  readonly failure: SplitError | undefined;
  /** Waits until all that was noted is written, or cannot be. */
  flush(): Promise<void>;
}

/** More kinds of entries than these at a time are counted, not kept: a peer must not fill the memory. */
const MAX_WAITING = 1024;
const MAX_REMEMBERED = 8192;
const UNKEPT = { decision: 'entries of which only the number is kept' };

/** @param sink none: nothing is noted, and nothing fails */
export function createAuditTrail(sink: AuditSink | undefined, actor: string): AuditTrail {
  const waiting = new Map<string, { readonly event: AuditEvent; times: number }>();
  const remembered = new Set<string>();
  let failure: SplitError | undefined;
  let writing: Promise<void> | undefined;

  function note(kind: AuditEvent['kind'], details: AuditEvent['details']): void {
    if (!sink) return;
    const event = { kind, actor, details };
    const isKept = waiting.size < MAX_WAITING || waiting.has(JSON.stringify(event));
    count(isKept ? event : { kind: 'policy-decision', actor, details: UNKEPT });
    writing ??= write(sink);
  }

  function count(event: AuditEvent): void {
    const key = JSON.stringify(event);
    const known = waiting.get(key);
    if (known) known.times += 1;
    else waiting.set(key, { event, times: 1 });
  }

  async function write(to: AuditSink): Promise<void> {
    // Those noted together are counted together.
    await undefined;
    for (const [key, { event, times }] of waiting) {
      waiting.delete(key);
      const details = times > 1 ? { ...event.details, times } : event.details;
      try {
        await to.append({ ...event, details });
      } catch (error) {
        failure ??= new SplitError('storage-failed', `the audit log: ${asSplitError(error).message}`, {
          cause: error,
        });
      }
    }
    // In the same step as the last look at what waits: nothing is left behind.
    writing = undefined;
  }

  return {
    note,
    noteOnce(kind, details) {
      const key = JSON.stringify([kind, details]);
      if (remembered.has(key)) return;
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.add(key);
      note(kind, details);
    },
    get failure() {
      return failure;
    },
    flush: async () => {
      while (writing) await writing;
    },
  };
}

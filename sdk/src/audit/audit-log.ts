/** An audit log: a file that only grows. Each entry is on the disk before `append` returns. */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import type { TrustedKey } from '../bundle/signing-keys.ts';
import { SplitError } from '../errors.ts';
import {
  type AuditEntry,
  type AuditEvent,
  type AuditHead,
  entryLine,
  MAX_ENTRY_BYTES,
  nextEntry,
} from './entry.ts';
import { readHead, writeHead } from './head-file.ts';
import { verifyAuditLog } from './verify-log.ts';

export interface AuditLogOptions {
  /** Signs where the log ends: a private key, from readPrivateKey. @default unsigned */
  readonly key?: TrustedKey | undefined;
  /** The key's public half, and those of earlier keys: what a log that is there must be signed by. @default not checked */
  readonly trusted?: readonly TrustedKey[] | undefined;
  /** @default the machine's clock */
  readonly now?: (() => Date) | undefined;
}

export interface AuditLog {
  readonly head: AuditHead;
  /** One after the other, in the order of the calls. @throws SplitError `options-invalid` for an event that is too large */
  append(event: AuditEvent): Promise<AuditEntry>;
  /** Waits for what is being written. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Opens a log, or begins one. A line that a power cut left unfinished is taken off; anything else that is wrong is an error,
 * since going on would hide it.
 * @throws SplitError `options-invalid`
 */
export async function openAuditLog(path: string, options: AuditLogOptions = {}): Promise<AuditLog> {
  const { key, trusted, now = () => new Date() } = options;
  const handle = await open(path, 'a+').catch((cause: unknown) => {
    throw new SplitError('options-invalid', `cannot write the audit log ${path}`, { cause });
  });
  let head = await startOf(path, handle, trusted).catch(async (error: unknown) => {
    await handle.close();
    throw error;
  });
  let last: Promise<unknown> = Promise.resolve();
  let closing: Promise<void> | undefined;

  async function write(event: AuditEvent): Promise<AuditEntry> {
    const entry = nextEntry(head, event, now().toISOString());
    const line = `${entryLine(entry)}\n`;
    if (line.length > MAX_ENTRY_BYTES)
      throw new SplitError(
        'options-invalid',
        `an audit entry of ${line.length} characters; at most ${MAX_ENTRY_BYTES}`,
      );
    await handle.appendFile(line);
    await handle.sync();
    head = { sequence: entry.sequence, hash: entry.hash };
    await writeHead(path, head, key);
    return entry;
  }

  return {
    get head() {
      return head;
    },
    append: (event) => {
      if (closing) return Promise.reject(new SplitError('closed', 'the audit log was closed'));
      const entry = last.then(() => write(event));
      last = entry.catch(() => undefined);
      return entry;
    },
    close: () => {
      closing ??= last.then(() => handle.close());
      return closing;
    },
  };
}

async function startOf(
  path: string,
  handle: FileHandle,
  trusted: AuditLogOptions['trusted'],
): Promise<AuditHead> {
  await takeOffTornLine(path, handle);
  const isNew = (await handle.stat()).size === 0 && (await readHead(path)).kind === 'none';
  const { isWhole, head, fault } = await verifyAuditLog(path, isNew ? {} : { trusted });
  if (isWhole) return head;
  throw new SplitError('options-invalid', `the audit log ${path}, line ${fault?.line}: ${fault?.what}`);
}

/** Its entry was never acknowledged: append had not returned. */
async function takeOffTornLine(path: string, handle: FileHandle): Promise<void> {
  const bytes = await readFile(path);
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end < bytes.length) await handle.truncate(end);
}

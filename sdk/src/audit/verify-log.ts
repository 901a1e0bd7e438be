/** Proves that an audit log is as it was written: every entry, their order, and the end. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { TrustedKey } from '../bundle/signing-keys.ts';
import { SplitError } from '../errors.ts';
import { type AuditEntry, type AuditHead, EMPTY_HEAD, readEntry } from './entry.ts';
import { readHead } from './head-file.ts';

export interface AuditVerdict {
  readonly isWhole: boolean;
  readonly entries: number;
  readonly head: AuditHead;
  /** Why the end is believed: `signed`, a head somebody else kept, or only the file beside the log. */
  readonly endKnownBy: 'expected head' | 'signed head file' | 'head file' | 'nothing';
  /** The first thing that is wrong. */
  readonly fault?: { readonly line: number; readonly what: string } | undefined;
}

export interface VerifyLogOptions {
  /** The end that somebody else wrote down: proves that nothing was cut off, whoever holds the machine. */
  readonly expected?: AuditHead | undefined;
  /** Keys that sign the file beside the log; with them an unsigned one is not believed. */
  readonly trusted?: readonly TrustedKey[] | undefined;
  readonly onEntry?: ((entry: AuditEntry) => void) | undefined;
}

/** @throws SplitError `options-invalid` where the file cannot be read */
export async function verifyAuditLog(path: string, options: VerifyLogOptions = {}): Promise<AuditVerdict> {
  const { expected, trusted, onEntry } = options;
  let head: AuditHead = EMPTY_HEAD;
  let line = 0;
  const kept = await readHead(path, trusted);
  const marks = new Map<number, string>([[0, EMPTY_HEAD.hash]]);
  const verdict = (fault?: AuditVerdict['fault']): AuditVerdict => ({
    isWhole: !fault,
    entries: head.sequence,
    head,
    endKnownBy: expected
      ? 'expected head'
      : kept.kind === 'none'
        ? 'nothing'
        : kept.kind === 'signed'
          ? 'signed head file'
          : 'head file',
    ...(fault && { fault }),
  });
  for await (const text of linesOf(path)) {
    line += 1;
    const entry = readEntry(text, head);
    if (typeof entry === 'string') return verdict({ line, what: entry });
    head = { sequence: entry.sequence, hash: entry.hash };
    if (expected?.sequence === entry.sequence || kept.head?.sequence === entry.sequence)
      marks.set(entry.sequence, entry.hash);
    onEntry?.(entry);
  }
  if (kept.kind === 'false') return verdict({ line, what: `the head file is not believed: ${kept.why}` });
  for (const mark of [expected, kept.head]) {
    if (!mark || marks.get(mark.sequence) === mark.hash) continue;
    const what =
      mark.sequence > head.sequence
        ? `ends after entry ${head.sequence}; entry ${mark.sequence} was written and is gone`
        : `has another entry ${mark.sequence} than the one that was written`;
    return verdict({ line, what });
  }
  if (expected || !kept.head) return verdict();
  // Read again, as a running program goes on writing. One more than it knows is what a power cut between two writes leaves.
  const known = (await readHead(path, trusted)).head?.sequence ?? kept.head.sequence;
  if (head.sequence > known + 1)
    return verdict({ line, what: `has ${head.sequence} entries where the head file knows of ${known}` });
  return verdict();
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const stream = createReadStream(path, { encoding: 'utf8' });
  try {
    yield* createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  } catch (cause) {
    throw new SplitError('options-invalid', `cannot read the audit log ${path}`, { cause });
  }
}

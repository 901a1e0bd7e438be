/**
 * Puts messages together from parts in any order. A step function over bounded state: sizes are claims until the
 * bytes are there, repeated parts are ignored, what is refused once stays refused for that attempt.
 */
import { SplitError } from '../errors.ts';
import { MAX_ASSEMBLED_BYTES, MAX_ASSEMBLIES_PER_SENDER, MAX_ASSEMBLY_AGE_MS } from '../protocol/limits.ts';
import {
  type ArrivedPart,
  type Assembly,
  addPart,
  type Credit,
  creditDue,
  finish,
  isPlausible,
  openAssembly,
  type WholeMessage,
} from './assembly.ts';

export interface InboxLimits {
  readonly maxPayloadBytes: number;
  /** @default 32 */
  readonly maxPerSender?: number;
  /** @default 512 MiB */
  readonly maxHeldBytes?: number;
  /** Of one sender: the others' messages must find room. @default a quarter of maxHeldBytes, one message at least */
  readonly maxHeldBytesPerSender?: number;
  /** @default 60,000 */
  readonly maxAgeMs?: number;
}

export type Outcome<Head> =
  | { readonly kind: 'partial'; readonly credit?: Credit }
  | { readonly kind: 'whole'; readonly message: WholeMessage<Head>; readonly credit?: Credit }
  | { readonly kind: 'refused'; readonly error: SplitError }
  | { readonly kind: 'ignored' };

export interface Inbox<Head> {
  accept(part: ArrivedPart<Head>): Outcome<Head>;
  forget(sender: string, id: string): void;
  /** Drops all that is unfinished and says what it was. */
  clear(): readonly { readonly sender: string; readonly id: string }[];
}

/** Refused messages that are remembered. */
const MAX_REFUSED = 1024;

export function createInbox<Head>(limits: InboxLimits): Inbox<Head> {
  const assemblies = new Map<string, Assembly<Head>>();
  const refused = new Map<string, number>();
  const { maxPerSender = MAX_ASSEMBLIES_PER_SENDER, maxAgeMs = MAX_ASSEMBLY_AGE_MS } = limits;
  const { maxHeldBytes = MAX_ASSEMBLED_BYTES } = limits;
  const { maxHeldBytesPerSender = Math.max(limits.maxPayloadBytes, maxHeldBytes / 4) } = limits;
  const heldBySender = new Map<string, number>();
  let heldBytes = 0;

  function hold(sender: string, bytes: number): void {
    heldBytes += bytes;
    const held = (heldBySender.get(sender) ?? 0) + bytes;
    if (held > 0) heldBySender.set(sender, held);
    else heldBySender.delete(sender);
  }

  function drop(key: string): void {
    const dropped = assemblies.get(key);
    if (dropped) hold(dropped.sender, -dropped.heldBytes);
    assemblies.delete(key);
  }

  function refuse(key: string, attempt: number, error: SplitError): Outcome<Head> {
    drop(key);
    refused.delete(key);
    refused.set(key, attempt);
    const oldest = refused.keys().next();
    if (refused.size > MAX_REFUSED && !oldest.done) refused.delete(oldest.value);
    return { kind: 'refused', error };
  }

  function dropOld(atMs: number): void {
    // Insertion order is age order, so the first young one ends it.
    for (const [key, assembly] of assemblies) {
      if (atMs - assembly.openedMs < maxAgeMs) return;
      drop(key);
    }
  }

  function whyNot(known: Assembly<Head> | undefined, part: ArrivedPart<Head>): SplitError | undefined {
    const { totalBytes } = part.fields;
    if (totalBytes > limits.maxPayloadBytes) {
      const text = `message of ${totalBytes} bytes exceeds ${limits.maxPayloadBytes}`;
      return new SplitError('payload-too-large', text);
    }
    if (!isPlausible(known, part))
      return new SplitError('message-invalid', `parts of ${part.id} do not fit together`);
    if (heldBytes + part.payload.length > maxHeldBytes) {
      return new SplitError('overloaded', `unfinished messages hold ${heldBytes} of ${maxHeldBytes} bytes`);
    }
    const held = heldBySender.get(part.sender) ?? 0;
    if (held + part.payload.length > maxHeldBytesPerSender) {
      const text = `unfinished messages of ${part.sender} hold ${held} of ${maxHeldBytesPerSender} bytes`;
      return new SplitError('overloaded', text);
    }
    const isTooMany = !known && part.fields.parts > 1 && countOf(part.sender) >= maxPerSender;
    if (isTooMany)
      return new SplitError('overloaded', `${maxPerSender} messages of ${part.sender} are unfinished`);
    return undefined;
  }

  function countOf(sender: string): number {
    let count = 0;
    for (const assembly of assemblies.values()) if (assembly.sender === sender) count += 1;
    return count;
  }

  return {
    accept: (part) => {
      const key = `${part.sender}/${part.id}`;
      const { attempt } = part.fields;
      dropOld(part.atMs);
      if (attempt <= (refused.get(key) ?? 0)) return { kind: 'ignored' };
      const known = assemblies.get(key);
      const error = whyNot(known, part);
      if (error) return refuse(key, attempt, error);
      const assembly = known ?? openAssembly(part);
      assemblies.set(key, assembly);
      hold(part.sender, addPart(assembly, part));
      const credit = creditDue(assembly, part);
      if (assembly.parts.size < assembly.count) return { kind: 'partial', ...(credit && { credit }) };
      drop(key);
      const message = finish(assembly, part.atMs);
      if (!message)
        return refuse(
          key,
          attempt,
          new SplitError('message-invalid', `${part.id} has another length than it says`),
        );
      return { kind: 'whole', message, ...(credit && { credit }) };
    },
    forget: (sender, id) => drop(`${sender}/${id}`),
    clear: () => {
      const dropped = [...assemblies.values()].map(({ sender, id }) => ({ sender, id }));
      assemblies.clear();
      heldBySender.clear();
      heldBytes = 0;
      return dropped;
    },
  };
}

/** One message as its parts come in: what is held, and what the sender is to be told of it. */
import { MAX_MISSING_PARTS, MIN_CHUNK_BYTES } from '../protocol/limits.ts';
import type { PartFields } from '../protocol/v1/messages.ts';
import { type Arrival, spreadOf } from './arrival-spread.ts';

/** One part as it came in. `head` is the header of part 0. */
export interface ArrivedPart<Head> {
  readonly sender: string;
  readonly id: string;
  readonly fields: PartFields;
  readonly head?: Head;
  readonly payload: Uint8Array;
  readonly atMs: number;
}

export interface Credit {
  readonly attempt: number;
  readonly receivedBytes: number;
  readonly heldBytes: number;
  /** Parts to send again. */
  readonly missing?: readonly number[];
}

export interface WholeMessage<Head> {
  readonly head: Head;
  readonly payload: Uint8Array;
  /** When the bytes before `laterBytes` had come: see arrival-spread.ts. */
  readonly firstArrivalMs: number;
  readonly lastArrivalMs: number;
  /** When the first part 0 arrived: what its header says of time counts from here. */
  readonly headArrivalMs: number;
  readonly laterBytes: number;
}

export interface Assembly<Head> {
  readonly sender: string;
  readonly id: string;
  readonly parts: Map<number, Uint8Array>;
  readonly count: number;
  readonly totalBytes: number;
  readonly openedMs: number;
  /** The first two parts. */
  readonly arrivals: [Arrival, ...Arrival[]];
  head: { readonly value: Head; readonly atMs: number } | undefined;
  heldBytes: number;
  attempt: number;
  /** Of the current attempt, repeated parts included. */
  receivedBytes: number;
  creditedBytes: number;
  creditedMs: number;
  /** Parts below this one were asked for again in the current attempt, where they were missing. */
  askedBelow: number;
}

/** Credit is due at the latest after this time, so that a slow link is told from a dead one. */
const CREDIT_INTERVAL_MS = 100;

/** Parts that arrive this far before one are not lost but may have passed it, as two ways through a cluster let them. */
const REORDERED_PARTS = 2;

/** A view that pins more than this times its own length is copied: held bytes shall be what they seem. */
const MOST_PINNED = 4;

/** The first part of a message that came in, whichever it is. */
export function openAssembly<Head>({ sender, id, fields, payload, atMs }: ArrivedPart<Head>): Assembly<Head> {
  return {
    sender,
    id,
    parts: new Map(),
    count: fields.parts,
    totalBytes: fields.totalBytes,
    openedMs: atMs,
    arrivals: [{ atMs, heldBytes: payload.length }],
    head: undefined,
    heldBytes: 0,
    attempt: fields.attempt,
    receivedBytes: 0,
    creditedBytes: 0,
    creditedMs: atMs,
    askedBelow: 0,
  };
}

/** A part agrees with what was claimed before, and its length with its place. */
export function isPlausible<Head>(
  known: Assembly<Head> | undefined,
  { fields, payload }: ArrivedPart<Head>,
): boolean {
  const agrees = !known || (known.count === fields.parts && known.totalBytes === fields.totalBytes);
  const isLast = fields.part === fields.parts - 1;
  const isNew = !known?.parts.has(fields.part);
  const fits = (isNew ? (known?.heldBytes ?? 0) : 0) + payload.length <= fields.totalBytes;
  return agrees && fits && (isLast || payload.length >= MIN_CHUNK_BYTES);
}

/** Returns the bytes that are new. */
export function addPart<Head>(
  assembly: Assembly<Head>,
  { fields, head, payload, atMs }: ArrivedPart<Head>,
): number {
  if (fields.attempt > assembly.attempt) {
    assembly.attempt = fields.attempt;
    assembly.receivedBytes = 0;
    assembly.creditedBytes = 0;
    assembly.askedBelow = 0;
  }
  if (fields.attempt === assembly.attempt) assembly.receivedBytes += payload.length;
  if (head !== undefined) assembly.head ??= { value: head, atMs };
  if (assembly.parts.has(fields.part)) return 0;
  assembly.parts.set(fields.part, unpinned(payload));
  assembly.heldBytes += payload.length;
  if (assembly.parts.size === 2) assembly.arrivals.push({ atMs, heldBytes: assembly.heldBytes });
  return payload.length;
}

/** A message of one part needs no credit: its answer is the acknowledgement. */
export function creditDue<Head>(
  assembly: Assembly<Head>,
  { fields, atMs }: ArrivedPart<Head>,
): Credit | undefined {
  if (assembly.count === 1) return undefined;
  const { attempt, receivedBytes, heldBytes, totalBytes } = assembly;
  const isWhole = assembly.parts.size === assembly.count;
  // What fits the window goes out without waiting for anything.
  const isAwaited = totalBytes > fields.windowBytes;
  const isQuarter = isAwaited && receivedBytes - assembly.creditedBytes >= fields.windowBytes / 4;
  const isLate = atMs - assembly.creditedMs >= CREDIT_INTERVAL_MS;
  // A repeated message begins with a question: what of it is still wanted?
  const isQuestion = attempt > 1 && fields.part === 0;
  const missing = missingParts(assembly, isQuestion ? assembly.count : overtakenEnd(assembly, fields));
  if (!isWhole && !isQuarter && !isLate && !isQuestion && missing.length === 0) return undefined;
  assembly.creditedBytes = receivedBytes;
  assembly.creditedMs = atMs;
  return { attempt, receivedBytes, heldBytes, ...(missing.length > 0 && { missing }) };
}

/** A broker keeps the order of one sender, so what later parts have passed is lost. */
function overtakenEnd<Head>({ attempt, count }: Assembly<Head>, fields: PartFields): number {
  if (fields.attempt < attempt) return 0;
  return fields.part === count - 1 ? count : fields.part - REORDERED_PARTS;
}

/** Each is asked for once an attempt; should that be lost too, the next attempt's question brings it up again. */
function missingParts<Head>(assembly: Assembly<Head>, end: number): number[] {
  const missing: number[] = [];
  let part = assembly.askedBelow;
  for (; part < end && missing.length < MAX_MISSING_PARTS; part++)
    if (!assembly.parts.has(part)) missing.push(part);
  assembly.askedBelow = Math.max(
    assembly.askedBelow,
    missing.length === MAX_MISSING_PARTS ? assembly.count : part,
  );
  return missing;
}

function unpinned(payload: Uint8Array): Uint8Array {
  const isLarge = payload.buffer.byteLength > MOST_PINNED * payload.length;
  // Not slice(): on a Buffer that is a view.
  return isLarge ? new Uint8Array(payload) : payload;
}

/** `undefined` when the parts are not what their claims said. */
export function finish<Head>(assembly: Assembly<Head>, atMs: number): WholeMessage<Head> | undefined {
  const { head, totalBytes, heldBytes, arrivals } = assembly;
  if (!head || heldBytes !== totalBytes) return undefined;
  return {
    head: head.value,
    payload: join(assembly),
    ...spreadOf(arrivals, totalBytes, atMs),
    lastArrivalMs: atMs,
    headArrivalMs: head.atMs,
  };
}

function join<Head>({ parts, count, totalBytes }: Assembly<Head>): Uint8Array {
  const only = parts.get(0);
  if (count === 1 && only) return only;
  const bytes = new Uint8Array(totalBytes);
  let at = 0;
  for (let part = 0; part < count; part++) {
    const piece = parts.get(part);
    bytes.set(piece ?? new Uint8Array(0), at);
    at += piece?.length ?? 0;
  }
  return bytes;
}

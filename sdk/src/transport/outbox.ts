/**
 * Sends large messages in parts, no more than a window of bytes ahead of what the receiver says it got, and again
 * what it says is missing. Small messages do not pass here and so never wait.
 */
import type { Clock } from '../clock.ts';
import { encodeEnvelope } from '../protocol/envelope.ts';
import { MAX_MISSING_PARTS } from '../protocol/limits.ts';
import type {
  PartFields,
  PartHeader,
  ProbeHeader,
  RequestHeader,
  ResultHeader,
} from '../protocol/v1/messages.ts';
import { type CreditGrant, createOutgoingFlow, type OutgoingFlow } from './outgoing-flow.ts';
import type { Parts } from './parts.ts';
import { createSendWindow, type SendWindow } from './send-window.ts';
import type { Transport } from './transport.ts';

export type { CreditGrant } from './outgoing-flow.ts';

/** A first part's header without the fields that the outbox fills in. */
export type Head =
  | Omit<RequestHeader, keyof PartFields>
  | Omit<ProbeHeader, keyof PartFields>
  | Omit<ResultHeader, keyof PartFields>;

export interface Sending {
  readonly topic: string;
  /** Under which credit for this message comes in. */
  readonly key: string;
  readonly head: Head;
  readonly parts: Parts;
  readonly attempt: number;
  /** Send the first part alone, and the rest only when credit shows that it is still wanted. */
  readonly isProbe?: boolean;
  /** Ends it. Until then parts are sent again where credit asks for them. */
  readonly signal: AbortSignal;
  /** Told of the bytes of each packet, repeated ones included. */
  readonly onSent?: (bytes: number) => void;
}

export interface Outbox {
  /**
   * Resolves when all parts were handed over, or fewer where the receiver holds the message or the signal fired.
   * @throws SplitError as Transport.publish does
   */
  send(sending: Sending): Promise<void>;
  credit(key: string, grant: CreditGrant): void;
}

/** A message under way and the one who sends its parts. */
interface Stream {
  readonly sending: Sending;
  readonly flow: OutgoingFlow;
  /** When the grant before came in, or the first part went out. */
  grantedMs: number;
  isRunning: boolean;
  wake: () => void;
}

/** @param windowBytes most that may be under way of one message; on slow links it is less */
export function createOutbox(transport: Transport, windowBytes: number, clock: Clock): Outbox {
  const streams = new Map<string, Stream>();
  const window = createSendWindow(windowBytes);

  function open(sending: Sending): Stream {
    const { key, parts, attempt, isProbe = false, signal } = sending;
    const flow = createOutgoingFlow({ parts, attempt, isProbe, mostMissing: MAX_MISSING_PARTS });
    const stream = { sending, flow, grantedMs: clock.nowMs(), isRunning: false, wake: () => {} };
    // A message of one part is answered, or asked for as a whole.
    if (parts.count === 1) return stream;
    streams.set(key, stream);
    const close = () => {
      if (streams.get(key) === stream) streams.delete(key);
    };
    signal.addEventListener('abort', close, { once: true });
    return stream;
  }

  function credit(key: string, grant: CreditGrant): void {
    const stream = streams.get(key);
    if (!stream || grant.attempt !== stream.flow.attempt) return;
    const atMs = clock.nowMs();
    const bytes = stream.flow.granted(grant);
    if (bytes > 0) {
      window.credited(bytes, atMs - stream.grantedMs);
      stream.grantedMs = atMs;
    }
    if (stream.flow.isWhole) streams.delete(key);
    stream.wake();
    // What is asked for after the last part went out; a loss of the connection is met by the next attempt.
    if (!stream.isRunning) run(transport, window, stream).catch(() => undefined);
  }

  return { send: (sending) => run(transport, window, open(sending)), credit };
}

/** Hands over what there is room for in one go: packets that go out together cost one system call. */
async function run(transport: Transport, window: SendWindow, stream: Stream): Promise<void> {
  const { flow, sending } = stream;
  const published: Promise<void>[] = [];
  const isWanted = () => !flow.isEmpty && !flow.isWhole && !sending.signal.aborted;
  stream.isRunning = true;
  try {
    while (isWanted()) {
      const part = flow.take(window.bytes);
      if (part !== undefined)
        published.push(publish(transport, sending, { part, windowBytes: window.bytes }));
      else await untilCredit(stream, published.splice(0));
      // Parts may be asked for again while the last ones go out.
      if (!isWanted()) await Promise.all(published.splice(0));
    }
  } finally {
    stream.isRunning = false;
  }
}

async function publish(
  transport: Transport,
  sending: Sending,
  { part, windowBytes }: { readonly part: number; readonly windowBytes: number },
): Promise<void> {
  const envelope = encodeEnvelope(headerOf(sending, part, windowBytes), sending.parts.slice(part));
  sending.onSent?.(envelope.length);
  await transport.publish(sending.topic, envelope);
}

function headerOf({ head, parts, attempt }: Sending, part: number, windowBytes: number): object {
  const fields: PartFields = { part, parts: parts.count, totalBytes: parts.totalBytes, attempt, windowBytes };
  if (part === 0) return { ...head, ...fields };
  return { v: 1, t: 'part', id: head.id, ...fields } satisfies PartHeader;
}

/** Until credit comes or nothing more is wanted. A publish that fails ends the wait by its error. */
function untilCredit(stream: Stream, published: readonly Promise<void>[]): Promise<void> {
  const { signal } = stream.sending;
  return new Promise<void>((resolve, reject) => {
    const wake = () => {
      signal.removeEventListener('abort', wake);
      resolve();
    };
    stream.wake = wake;
    signal.addEventListener('abort', wake, { once: true });
    Promise.all(published).catch(reject);
  });
}

/**
 * Sends large messages in parts, no more than a window of bytes ahead of what the receiver says it got.
 * Small messages do not pass here and so never wait.
 */
import type { Clock } from '../clock.ts';
import { encodeEnvelope } from '../protocol/envelope.ts';
import type { PartFields, PartHeader, RequestHeader, ResultHeader } from '../protocol/v1/messages.ts';
import type { Parts } from './parts.ts';
import { createSendWindow, type SendWindow } from './send-window.ts';
import type { Transport } from './transport.ts';

/** A first part's header without the fields that the outbox fills in. */
export type Head = Omit<RequestHeader, keyof PartFields> | Omit<ResultHeader, keyof PartFields>;

export interface Sending {
  readonly topic: string;
  /** Under which credit for this message comes in. */
  readonly key: string;
  readonly head: Head;
  readonly parts: Parts;
  readonly attempt: number;
  /** Send the first part alone, and the rest only when credit shows that it is still wanted. */
  readonly isProbe?: boolean;
  readonly signal: AbortSignal;
}

export interface CreditGrant {
  readonly attempt: number;
  readonly receivedBytes: number;
  readonly heldBytes: number;
}

export interface Outbox {
  /**
   * Resolves with the bytes published: all parts, or fewer where the receiver holds the message or the signal fired.
   * @throws SplitError as Transport.publish does
   */
  send(sending: Sending): Promise<number>;
  credit(key: string, grant: CreditGrant): void;
}

/** How one message under way is doing. */
interface Flow {
  readonly attempt: number;
  readonly totalBytes: number;
  receivedBytes: number;
  /** When the grant before came in, or the first part went out. */
  grantedMs: number;
  isOpen: boolean;
  isWhole: boolean;
  wake: () => void;
}

/** @param windowBytes most that may be under way of one message; on slow links it is less */
export function createOutbox(transport: Transport, windowBytes: number, clock: Clock): Outbox {
  const flows = new Map<string, Flow>();
  const window = createSendWindow(windowBytes);
  return {
    send: async (sending) => {
      const flow = openFlow(sending, clock.nowMs());
      flows.set(sending.key, flow);
      try {
        return await sendParts(transport, window, sending, flow);
      } finally {
        // A later attempt may have taken the place.
        if (flows.get(sending.key) === flow) flows.delete(sending.key);
      }
    },
    credit: (key, grant) => {
      const flow = flows.get(key);
      if (flow && grant.attempt === flow.attempt) takeCredit(flow, grant, { window, atMs: clock.nowMs() });
    },
  };
}

function openFlow({ attempt, parts, isProbe }: Sending, atMs: number): Flow {
  const { totalBytes } = parts;
  return {
    attempt,
    totalBytes,
    receivedBytes: 0,
    grantedMs: atMs,
    isOpen: !isProbe,
    isWhole: false,
    wake: () => {},
  };
}

function takeCredit(
  flow: Flow,
  { receivedBytes, heldBytes }: CreditGrant,
  now: { window: SendWindow; atMs: number },
): void {
  const grantedBytes = receivedBytes - flow.receivedBytes;
  if (grantedBytes > 0) {
    now.window.credited(grantedBytes, now.atMs - flow.grantedMs);
    flow.grantedMs = now.atMs;
  }
  flow.receivedBytes = Math.max(flow.receivedBytes, receivedBytes);
  flow.isWhole ||= heldBytes >= flow.totalBytes;
  flow.isOpen = true;
  flow.wake();
}

async function sendParts(
  transport: Transport,
  window: SendWindow,
  sending: Sending,
  flow: Flow,
): Promise<number> {
  const { topic, parts, signal } = sending;
  let payloadBytes = 0;
  let sentBytes = 0;
  for (let part = 0; part < parts.count; part++) {
    const slice = parts.slice(part);
    const length = slice.reduce((sum, piece) => sum + piece.length, 0);
    const hasRoom = () => flow.isOpen && payloadBytes + length <= flow.receivedBytes + window.bytes;
    // The first part always goes: without it there is never any credit.
    if (part > 0) await untilWanted(flow, signal, hasRoom);
    if (flow.isWhole || signal.aborted) break;
    const envelope = encodeEnvelope(headerOf(sending, part, window.bytes), slice);
    await transport.publish(topic, envelope);
    payloadBytes += length;
    sentBytes += envelope.length;
  }
  return sentBytes;
}

function headerOf({ head, parts, attempt }: Sending, part: number, windowBytes: number): object {
  const fields: PartFields = { part, parts: parts.count, totalBytes: parts.totalBytes, attempt, windowBytes };
  if (part === 0) return { ...head, ...fields };
  return { v: 1, t: 'part', id: head.id, ...fields } satisfies PartHeader;
}

/** Until there is room, or nothing more is wanted. */
async function untilWanted(flow: Flow, signal: AbortSignal, hasRoom: () => boolean): Promise<void> {
  while (!flow.isWhole && !signal.aborted && !hasRoom()) {
    await new Promise<void>((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      flow.wake = wake;
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

/** Compares clocks with each gateway: a few pings when it appears, later what small exchanges tell anyway. */
import type { Clock } from '../clock.ts';
import type { PingHeader, PongHeader } from '../protocol/v1/messages.ts';
import { type ClockOffset, createClockOffset } from './clock-offset.ts';
import type { ExchangeEnd } from './request-exchange.ts';

export interface ClockProbe {
  /** Pings a gateway a few times, one after the other. */
  measure(gateway: string): void;
  answered(pong: PongHeader): void;
  /** Takes an exchange as a sample if it was small, and measures again where the last sample is old. */
  learn(gateway: string, end: ExchangeEnd): void;
  /** The gateway's clock minus ours in milliseconds; `undefined` when not known yet. */
  offsetMs(gateway: string): number | undefined;
  /** Of a small message and its answer, the quickest of late; `undefined` when not known yet. */
  roundTripMs(gateway: string): number | undefined;
  forget(gateway: string): void;
}

export interface ClockProbeOptions {
  readonly clock: Clock;
  randomId(): string;
  send(gateway: string, ping: PingHeader): void;
}

const PINGS = 4;

/** Above this size the time of an exchange says more of the link's rate than of the clocks, in bytes. */
const SMALL_BYTES = 4096;

interface Peer {
  readonly offset: ClockOffset;
  ping: { readonly id: string; readonly sentMs: number; readonly left: number } | undefined;
}

export function createClockProbe({ clock, randomId, send }: ClockProbeOptions): ClockProbe {
  const peers = new Map<string, Peer>();

  function peerOf(gateway: string): Peer {
    const peer = peers.get(gateway) ?? { offset: createClockOffset(), ping: undefined };
    peers.set(gateway, peer);
    return peer;
  }

  function ping(gateway: string, left: number): void {
    const id = randomId();
    peerOf(gateway).ping = { id, sentMs: clock.nowMs(), left };
    send(gateway, { v: 1, t: 'ping', id });
  }

  return {
    measure: (gateway) => ping(gateway, PINGS - 1),
    answered: ({ gateway, id, atMs }) => {
      const peer = peers.get(gateway);
      if (peer?.ping?.id !== id) return;
      const { sentMs, left } = peer.ping;
      peer.ping = undefined;
      peer.offset.add({ sentMs, remoteReceivedMs: atMs, remoteSentMs: atMs, receivedMs: clock.nowMs() });
      if (left > 0) ping(gateway, left - 1);
    },
    learn: (gateway, { result, publishedMs, attempts, sentBytes, receivedBytes }) => {
      const { offset } = peerOf(gateway);
      const { head, lastArrivalMs } = result;
      const sample = {
        sentMs: publishedMs,
        remoteReceivedMs: head.lastArrivalMs,
        remoteSentMs: head.repliedMs,
      };
      const isSmall = attempts === 1 && sentBytes + receivedBytes <= SMALL_BYTES;
      if (isSmall) offset.add({ ...sample, receivedMs: lastArrivalMs });
      else if (offset.isStale(lastArrivalMs)) ping(gateway, 1);
    },
    offsetMs: (gateway) => peers.get(gateway)?.offset.offsetMs(),
    roundTripMs: (gateway) => peers.get(gateway)?.offset.roundTripMs(),
    forget: (gateway) => void peers.delete(gateway),
  };
}

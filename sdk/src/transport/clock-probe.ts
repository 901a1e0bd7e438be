/**
 * Compares clocks with each gateway: a few pings when it appears, more with the first exchanges, and again now and then.
 * Exchanges themselves teach nothing of this: on a slow link a kilobyte takes as long as the way itself.
 */
import type { Clock } from '../clock.ts';
import type { PingHeader, PongHeader } from '../protocol/v1/messages.ts';
import { type ClockOffset, createClockOffset } from './clock-offset.ts';

export interface ClockProbe {
  /** Pings a gateway a few times, one after the other. */
  measure(gateway: string): void;
  answered(pong: PongHeader): void;
  /** An exchange has ended: measures again where the last sample is old, or there are few. */
  exchanged(gateway: string): void;
  /** The gateway's clock minus ours in milliseconds; `undefined` when not known yet. */
  offsetMs(gateway: string): number | undefined;
  /** Of a small message and its answer, the quickest of late; `undefined` when not known yet. */
  roundTripMs(gateway: string): number | undefined;
  /** By how much such times of late vary; `undefined` when not known yet. */
  roundTripSpreadMs(gateway: string): number | undefined;
  forget(gateway: string): void;
}

export interface ClockProbeOptions {
  readonly clock: Clock;
  randomId(): string;
  send(gateway: string, ping: PingHeader): void;
}

const PINGS = 4;

/** A ping that is not answered by then is lost. */
const MOST_PING_MS = 10_000;

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
    exchanged: (gateway) => {
      const { offset, ping: last } = peerOf(gateway);
      const nowMs = clock.nowMs();
      // Another one would only take its place, and so on where exchanges end more often than pings come back.
      const isAwaited = last !== undefined && nowMs - last.sentMs < MOST_PING_MS;
      // One alone: the next would meet the next request on its way.
      if (offset.wantsMore(nowMs) && !isAwaited) ping(gateway, 0);
    },
    offsetMs: (gateway) => peers.get(gateway)?.offset.offsetMs(),
    roundTripMs: (gateway) => peers.get(gateway)?.offset.roundTripMs(),
    roundTripSpreadMs: (gateway) => peers.get(gateway)?.offset.roundTripSpreadMs(),
    forget: (gateway) => void peers.delete(gateway),
  };
}

/** Says that a gateway is there: on start, on every connect, by its pace, to who asks, and at the end that it goes. */
import type { Clock } from '../clock.ts';
import { encodeEnvelope } from '../protocol/envelope.ts';
import { type Announcement, type AnnouncementBody, encodeAnnouncement } from '../protocol/v1/announcement.ts';
import { topicsOf } from '../protocol/v1/topics.ts';
import { type AnnouncementPaceOptions, createAnnouncementPace } from './announcement-pace.ts';
import type { Transport, Will } from './transport.ts';

export interface AnnouncerOptions {
  readonly transport: Transport;
  readonly gatewayId: string;
  readonly namespace: string;
  readonly clock: Clock;
  readonly pace: AnnouncementPaceOptions;
  /** Asked each time. `undefined`: the gateway cannot serve, so it says that it is gone. */
  body(): AnnouncementBody | undefined;
}

export interface Announcer {
  /** Begins to repeat itself, until the signal fires. */
  start(signal: AbortSignal): void;
  /** @throws SplitError as Transport.publish and encodeAnnouncement do */
  announce(): Promise<void>;
  /** The payload for one device that asked; `undefined` where there is nothing to say. */
  answer(): Uint8Array | undefined;
  goodbye(): Promise<void>;
}

export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const { transport, gatewayId, clock } = options;
  const { shortestMs } = options.pace;
  const pace = createAnnouncementPace(options.pace);
  const statusTopic = topicsOf(options.namespace).status(gatewayId);

  function payloadOf(body: AnnouncementBody | undefined): Uint8Array | undefined {
    return body && announcement(gatewayId, { ...body, everyMs: pace.everyMs });
  }

  async function announce(): Promise<void> {
    if (transport.isConnected) await say(options.body());
  }

  async function say(body: AnnouncementBody | undefined): Promise<void> {
    pace.said(body, clock.nowMs());
    await transport.publish(statusTopic, payloadOf(body) ?? offlineWill(options).payload, { retain: true });
  }

  async function repeat(signal: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(shortestMs, signal);
      const body = options.body();
      // What is lost here comes again; who made the announcement impossible heard it from announce().
      if (transport.isConnected && pace.isDue(body, clock.nowMs())) await say(body).catch(() => undefined);
    }
  }

  return {
    start: (signal) => {
      // Ends by the rejection of its sleep.
      repeat(signal).catch(() => undefined);
    },
    announce,
    answer: () => {
      try {
        return payloadOf(options.body());
      } catch {
        // start() and announce() throw the same to the one who can mend it.
        return undefined;
      }
    },
    goodbye: async () => {
      const { topic, payload: bytes } = offlineWill(options);
      // Where the broker is away, the will has said it.
      await transport.publish(topic, bytes, { retain: true }).catch(() => undefined);
    },
  };
}

/** The will for a gateway's transport: devices hear at once that it died. */
export function offlineWill({
  gatewayId,
  namespace = 'cutpoint',
}: {
  readonly gatewayId: string;
  readonly namespace?: string;
}): Will {
  const payload = announcement(gatewayId, { state: 'offline', models: [], maxPayloadBytes: 1 });
  return { topic: topicsOf(namespace).status(gatewayId), payload, retain: true };
}

function announcement(gatewayId: string, body: Omit<Announcement, 'v' | 'gateway'>): Uint8Array {
  return encodeEnvelope({ v: 1, t: 'announcement', gateway: gatewayId }, [encodeAnnouncement(body)]);
}

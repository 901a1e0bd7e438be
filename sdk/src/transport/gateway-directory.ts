/** The gateways that announced themselves and are not known to have gone. */
import type { Clock } from '../clock.ts';
import { SplitError } from '../errors.ts';
import type { Announcement } from '../protocol/v1/announcement.ts';

export interface GatewayDirectory {
  /** Takes an announcement; `offline` removes the gateway. */
  put(announcement: Announcement): void;
  get(gateway: string): Announcement | undefined;
  alive(): readonly Announcement[];
  /** Without the broker nobody can be heard, so nobody is known. */
  forgetAll(): void;
  onAnnouncement(listener: (announcement: Announcement) => void): () => void;
  waitFor(model: string, options: WaitOptions): Promise<Announcement>;
}

export interface WaitOptions {
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

export function createGatewayDirectory(clock: Clock): GatewayDirectory {
  const known = new Map<string, Announcement>();
  const listeners = new Set<(announcement: Announcement) => void>();
  const alive = () => [...known.values()];
  const onAnnouncement = (listener: (announcement: Announcement) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return {
    put: (announcement) => {
      if (announcement.state === 'offline') known.delete(announcement.gateway);
      else known.set(announcement.gateway, announcement);
      for (const listener of [...listeners]) listener(announcement);
    },
    get: (gateway) => known.get(gateway),
    alive,
    forgetAll: () => known.clear(),
    onAnnouncement,
    waitFor: async (model, { deadlineMs, signal }) => {
      const found = findReady(alive(), model);
      if (found) return found;
      const waiting = new AbortController();
      const stop = signal ? AbortSignal.any([signal, waiting.signal]) : waiting.signal;
      try {
        return await Promise.race([
          nextReady(onAnnouncement, model, waiting.signal),
          clock.sleep(deadlineMs, stop).then(() => Promise.reject(notFound(alive(), model, deadlineMs))),
        ]);
      } catch (error) {
        if (signal?.aborted)
          throw new SplitError('aborted', 'stopped waiting for a gateway', { cause: error });
        throw error;
      } finally {
        waiting.abort();
      }
    },
  };
}

function findReady(announcements: readonly Announcement[], model: string): Announcement | undefined {
  return announcements.find((one) => serves(one, model));
}

function serves({ state, models }: Announcement, model: string): boolean {
  return state === 'ready' && models.some(({ name }) => name === model);
}

function nextReady(
  onAnnouncement: GatewayDirectory['onAnnouncement'],
  model: string,
  signal: AbortSignal,
): Promise<Announcement> {
  return new Promise((resolve) => {
    const stop = onAnnouncement((announcement) => {
      if (serves(announcement, model)) resolve(announcement);
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}

function notFound(known: readonly Announcement[], model: string, deadlineMs: number): SplitError {
  const ready = known.filter(({ state }) => state === 'ready');
  if (ready.length === 0) {
    return new SplitError(
      'gateway-unavailable',
      `no gateway announced itself within ${Math.round(deadlineMs)} ms`,
    );
  }
  const names = [...new Set(ready.flatMap(({ models }) => models.map(({ name }) => name)))].slice(0, 20);
  return new SplitError(
    'model-unknown',
    `no gateway serves '${model}'; served: ${names.join(', ') || 'nothing'}`,
  );
}

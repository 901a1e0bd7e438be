/** The gateways that announced themselves and are not known to have gone. */
import type { Clock } from '../clock.ts';
import { type ErrorCode, SplitError } from '../errors.ts';
import type { Announcement } from '../protocol/v1/announcement.ts';

export interface GatewayDirectory {
  /** Takes an announcement; `offline` removes the gateway. */
  put(announcement: Announcement): void;
  get(gateway: string): Announcement | undefined;
  /** Its last word was that it is offline: nobody hears what is sent to it. */
  hasLeft(gateway: string): boolean;
  /** A request to it ended with this code: where that speaks against the gateway, others come first for a while. */
  noteFailure(gateway: string, code: ErrorCode): void;
  hasFailed(gateway: string): boolean;
  alive(): readonly Announcement[];
  /** Without the broker nobody can be heard, so nobody is known. */
  forgetAll(): void;
  onAnnouncement(listener: (announcement: Announcement) => void): () => void;
  waitFor(model: string, options: GatewayWait): Promise<Announcement>;
}

export interface WaitOptions {
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

export interface GatewayWait extends WaitOptions {
  /** The whole wait, which the error names, where `deadlineMs` is what is left of it. @default deadlineMs */
  readonly limitMs?: number;
  /** Which gateways will do. @default all that serve the model */
  readonly fits?: (announcement: Announcement) => boolean;
}

/** Announcements that may be lost or late before a gateway is taken for gone. */
const MISSED = 3;

/** After a failure others are asked first for this long, then the gateway may show that it is back. */
const AVOIDED_MS = 10_000;

const SPEAKS_AGAINST: ReadonlySet<ErrorCode> = new Set([
  'deadline-exceeded',
  'gateway-unavailable',
  'overloaded',
  'runtime-failed',
]);

export function createGatewayDirectory(clock: Clock): GatewayDirectory {
  const known = new Map<string, Announcement>();
  const heardMs = new Map<string, number>();
  const failedMs = new Map<string, number>();
  const left = new Set<string>();
  const listeners = new Set<(announcement: Announcement) => void>();
  const isSilent = ({ gateway, everyMs }: Announcement) =>
    everyMs !== undefined && clock.nowMs() - (heardMs.get(gateway) ?? 0) > MISSED * everyMs;
  const alive = () => [...known.values()].filter((one) => !isSilent(one));
  const onAnnouncement = (listener: (announcement: Announcement) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return {
    put: (announcement) => {
      const { gateway, state } = announcement;
      heardMs.set(gateway, clock.nowMs());
      if (state === 'offline') {
        for (const map of [known, heardMs, failedMs]) map.delete(gateway);
        left.add(gateway);
      } else {
        known.set(gateway, announcement);
        left.delete(gateway);
      }
      for (const listener of [...listeners]) listener(announcement);
    },
    get: (gateway) => known.get(gateway),
    hasLeft: (gateway) => left.has(gateway),
    noteFailure: (gateway, code) => {
      if (SPEAKS_AGAINST.has(code)) failedMs.set(gateway, clock.nowMs());
    },
    hasFailed: (gateway) => clock.nowMs() - (failedMs.get(gateway) ?? Number.NEGATIVE_INFINITY) < AVOIDED_MS,
    alive,
    forgetAll: () => {
      for (const one of [known, heardMs, left]) one.clear();
    },
    onAnnouncement,
    waitFor: async (model, { deadlineMs, limitMs = deadlineMs, fits = () => true, signal }) => {
      const isFound = (one: Announcement) => serves(one, model) && fits(one);
      const found = alive().find(isFound);
      if (found) return found;
      const waiting = new AbortController();
      const stop = signal ? AbortSignal.any([signal, waiting.signal]) : waiting.signal;
      try {
        return await Promise.race([
          nextFound(onAnnouncement, isFound, waiting.signal),
          clock
            .sleep(deadlineMs, stop)
            .then(() => Promise.reject(notFound(alive(), { model, fits, limitMs }))),
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

function serves({ state, models }: Announcement, model: string): boolean {
  return state === 'ready' && models.some(({ name }) => name === model);
}

function nextFound(
  onAnnouncement: GatewayDirectory['onAnnouncement'],
  isFound: (announcement: Announcement) => boolean,
  signal: AbortSignal,
): Promise<Announcement> {
  return new Promise((resolve) => {
    const stop = onAnnouncement((announcement) => {
      if (isFound(announcement)) resolve(announcement);
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}

function notFound(
  known: readonly Announcement[],
  { model, fits, limitMs }: Required<Pick<GatewayWait, 'fits' | 'limitMs'>> & { readonly model: string },
): SplitError {
  const ready = known.filter(({ state }) => state === 'ready');
  if (ready.length === 0) {
    return new SplitError(
      'gateway-unavailable',
      `no gateway announced itself within ${Math.round(limitMs)} ms`,
    );
  }
  const fitting = ready.filter(fits);
  if (fitting.length === 0) {
    const others = ready.map(({ gateway, region = 'unknown' }) => `${gateway} (region ${region})`);
    return new SplitError('gateway-unavailable', `no gateway that may be asked, but ${someOf(others)}`);
  }
  const names = [...new Set(fitting.flatMap(({ models }) => models.map(({ name }) => name)))];
  return new SplitError('model-unknown', `no gateway serves '${model}'; served: ${someOf(names)}`);
}

function someOf(names: readonly string[]): string {
  return names.slice(0, 20).join(', ') || 'nothing';
}

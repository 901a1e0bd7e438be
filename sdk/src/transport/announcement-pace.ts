/**
 * When a gateway says again what it is. Every device hears it, and a large fleet's broker carries little else: so at once where
 * something has changed, and ever more seldom where nothing has.
 */
import type { AnnouncementBody } from '../protocol/v1/announcement.ts';

export interface AnnouncementPace {
  /** What is said now is said again after so long at the latest, in milliseconds. */
  readonly everyMs: number;
  /** Whether to say this now; to be asked every `shortestMs`. */
  isDue(body: AnnouncementBody | undefined, atMs: number): boolean;
  /** It is said: `everyMs` counts from here. */
  said(body: AnnouncementBody | undefined, atMs: number): void;
}

export interface AnnouncementPaceOptions {
  /** After a change, in milliseconds. */
  readonly shortestMs: number;
  /** Where nothing changes, in milliseconds. */
  readonly longestMs: number;
}

/** As gateways do it. Three times the longest without a word, and one is taken for gone; its will says so sooner. */
export const ANNOUNCING: AnnouncementPaceOptions = { shortestMs: 5_000, longestMs: 30_000 };

/** Times that differ by less, in milliseconds and as a share of the longer one, are alike to those who choose by them. */
const LEAST_CHANGE_MS = 50;
const LEAST_CHANGE = 0.2;

/** Asked a little early, it must not wait for the next time. */
const EARLY = 0.5;

const TIMES: ReadonlySet<string> = new Set(['queueMs', 'price', 'tailMs', 'inputTailMs']);

interface Said {
  readonly timesMs: readonly number[];
  /** All else, so written that what is equal says the same. */
  readonly rest: string;
}

export function createAnnouncementPace(options: AnnouncementPaceOptions): AnnouncementPace {
  const { shortestMs, longestMs } = options;
  let last: (Said & { readonly atMs: number }) | undefined;
  let everyMs = shortestMs;

  const isNews = (now: Said) => last === undefined || !areAlike(last, now);
  return {
    get everyMs() {
      return everyMs;
    },
    isDue: (body, atMs) => isNews(partsOf(body)) || atMs - (last?.atMs ?? 0) >= everyMs - EARLY * shortestMs,
    said: (body, atMs) => {
      const now = partsOf(body);
      everyMs = isNews(now) ? shortestMs : Math.min(2 * everyMs, longestMs);
      last = { ...now, atMs };
    },
  };
}

function partsOf(body: AnnouncementBody | undefined): Said {
  const timesMs: number[] = [];
  const rest = JSON.stringify(body ?? null, (key, value: unknown) => {
    if (!TIMES.has(key) || typeof value !== 'number') return value;
    timesMs.push(value);
    return 0;
  });
  return { timesMs, rest };
}

function areAlike(a: Said, b: Said): boolean {
  return a.rest === b.rest && a.timesMs.every((ms, i) => isNear(ms, b.timesMs[i] ?? ms));
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) < LEAST_CHANGE_MS + LEAST_CHANGE * Math.max(a, b);
}

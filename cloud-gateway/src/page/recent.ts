/** The latest requests of one model: enough to say what is usual and what is rare, bounded in number and age. */
import type { RequestFinished } from '../events.ts';

export const STAGES = ['decode', 'queue', 'copy', 'tail', 'encode'] as const;
export type GatewayStage = (typeof STAGES)[number];

export interface Quantiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface RecentSummary {
  readonly count: number;
  readonly total: Quantiles;
  readonly stages: Readonly<Record<GatewayStage, Quantiles>>;
  readonly meanBatchSize: number;
  /** The cuts in use, the most used first; shares add up to 1. */
  readonly cuts: readonly { readonly cut: string; readonly share: number; readonly tailP50Ms: number }[];
}

export interface Recent {
  add(event: RequestFinished, atMs: number): void;
  /** `undefined` where nothing was answered in that time. */
  summary(nowMs: number, withinMs: number): RecentSummary | undefined;
}

interface Entry {
  readonly atMs: number;
  readonly event: RequestFinished;
}

/** @param capacity requests that are kept */
export function createRecent(capacity: number): Recent {
  const entries: Entry[] = [];
  let next = 0;
  return {
    add(event, atMs) {
      entries[next] = { atMs, event };
      next = (next + 1) % capacity;
    },
    summary(nowMs, withinMs) {
      const events = entries.filter(({ atMs }) => nowMs - atMs <= withinMs).map(({ event }) => event);
      return events.length === 0 ? undefined : summarise(events);
    },
  };
}

function summarise(events: readonly RequestFinished[]): RecentSummary {
  const of = (pick: (event: RequestFinished) => number) => quantiles(events.map(pick));
  return {
    count: events.length,
    total: of(({ totalMs }) => totalMs),
    stages: {
      decode: of(({ decodeMs }) => decodeMs),
      queue: of(({ queueMs }) => queueMs),
      copy: of(({ copyMs }) => copyMs),
      tail: of(({ tailMs }) => tailMs),
      encode: of(({ encodeMs }) => encodeMs),
    },
    meanBatchSize: events.reduce((sum, { batchSize }) => sum + batchSize, 0) / events.length,
    cuts: cutsOf(events),
  };
}

function cutsOf(events: readonly RequestFinished[]): RecentSummary['cuts'] {
  const byCut = new Map<string, RequestFinished[]>();
  for (const event of events) {
    const those = byCut.get(event.request.cut) ?? [];
    byCut.set(event.request.cut, those);
    those.push(event);
  }
  return [...byCut]
    .map(([cut, those]) => ({
      cut,
      share: those.length / events.length,
      tailP50Ms: quantiles(those.map(({ tailMs }) => tailMs)).p50Ms,
    }))
    .sort((a, b) => b.share - a.share);
}

/** Nearest rank. */
export function quantiles(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

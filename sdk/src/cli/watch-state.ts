/** What `cutpoint watch` knows: the last requests of a session and its last changes, from lines that are not trusted. */
import { z } from 'zod';

const Milliseconds = z.number().nonnegative().catch(0);

/** A session's trace, as `onTrace` gives it; what is not needed here is left out. */
const TraceLine = z.object({
  arm: z.string().max(500),
  cut: z.string().max(500).catch(''),
  headMs: Milliseconds,
  encodeMs: Milliseconds,
  uplinkMs: Milliseconds,
  queueMs: Milliseconds,
  tailMs: Milliseconds,
  downlinkMs: Milliseconds,
  decodeMs: Milliseconds,
  sentBytes: Milliseconds,
  totalMs: z.number().nonnegative(),
  fallback: z.literal('local').optional(),
});

/** A `cut-change` event. */
const ChangeLine = z.object({
  from: z.string().max(500),
  to: z.string().max(500),
  cause: z.string().max(100),
  reason: z.string().max(1000).optional(),
});

export type WatchedTrace = z.infer<typeof TraceLine>;
export type WatchedChange = z.infer<typeof ChangeLine>;

export interface WatchState {
  requests: number;
  fallbacks: number;
  switches: number;
  /** Lines that were neither. */
  strangeLines: number;
  /** The newest last. */
  readonly traces: WatchedTrace[];
  readonly changes: WatchedChange[];
}

const KEPT_TRACES = 72;
const KEPT_CHANGES = 4;

export function createWatchState(): WatchState {
  return { requests: 0, fallbacks: 0, switches: 0, strangeLines: 0, traces: [], changes: [] };
}

export function readWatchLine(state: WatchState, line: string): void {
  const content = parsed(line);
  const [trace, change] = [TraceLine.safeParse(content), ChangeLine.safeParse(content)];
  if (trace.success) {
    state.requests++;
    if (trace.data.fallback) state.fallbacks++;
    keep(state.traces, trace.data, KEPT_TRACES);
  } else if (change.success) {
    state.switches++;
    keep(state.changes, change.data, KEPT_CHANGES);
  } else state.strangeLines++;
}

/** A line that is no JSON is somebody's log: it is counted and passed over. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function keep<T>(list: T[], value: T, most: number): void {
  list.push(value);
  if (list.length > most) list.shift();
}

/** What the page shows, kept from the gateway's events: bounded in memory, and summed up only when somebody looks. */
import type { Clock, ErrorCode } from '@cutpoint/sdk';
import type { BatchRan, ExecutorChanged, GatewayEvents, ModelChanged } from '../events.ts';
import type { QueueState } from '../metrics/metrics.ts';
import { createDevices, type DeviceSeen } from './devices.ts';
import { createRecent, type Recent, type RecentSummary } from './recent.ts';
import { createSecondsRing, type SecondsRing } from './seconds-ring.ts';

export interface LiveSnapshot {
  readonly nowMs: number;
  readonly answeredPerSecond: number;
  readonly refusedPerSecond: number;
  /** Each second of the last minutes, the oldest first. */
  readonly history: { readonly answered: readonly number[]; readonly refused: readonly number[] };
  readonly models: readonly LiveModel[];
  readonly executors: readonly LiveExecutor[];
  readonly refusals: readonly { readonly code: ErrorCode; readonly perSecond: number }[];
  readonly devices: { readonly inLastMinute: number; readonly latest: readonly DeviceSeen[] };
  readonly queue: QueueState;
}

export interface LiveModel {
  readonly model: string;
  readonly version: string;
  readonly state: ModelChanged['state'];
  /** Absent where each executor has the whole model. */
  readonly ranks: number | undefined;
  readonly answeredPerSecond: number;
  readonly batching: BatchRan['batching'] | undefined;
  readonly recent: RecentSummary | undefined;
}

export interface LiveExecutor extends ExecutorChanged {
  readonly batchesPerSecond: number;
  /** Share of the time in which it ran something. */
  readonly busyShare: number;
}

export interface LiveState {
  snapshot(): LiveSnapshot;
  close(): void;
}

/** Rates are over this time. */
export const RATE_SECONDS = 10;
/** Latencies, cuts and devices are of this time. */
const RECENT_MS = 60_000;
const HISTORY_SECONDS = 120;
const RECENT_REQUESTS = 2_048;
const KNOWN_DEVICES = 10_000;
const DEVICES_SHOWN = 50;

interface ModelRecord {
  last: ModelChanged;
  batching: BatchRan['batching'] | undefined;
  readonly answered: SecondsRing;
  readonly recent: Recent;
}

interface ExecutorRecord {
  last: ExecutorChanged;
  readonly batches: SecondsRing;
  readonly busyMs: SecondsRing;
}

export function createLiveState(o: {
  readonly events: GatewayEvents;
  readonly clock: Clock;
  readonly queue: QueueState;
}): LiveState {
  const { events, clock, queue } = o;
  const ring = () => createSecondsRing(HISTORY_SECONDS + 1);
  const [answered, refused] = [ring(), ring()];
  const models = new Map<string, ModelRecord>();
  const executors = new Map<string, ExecutorRecord>();
  const refusals = new Map<ErrorCode, SecondsRing>();
  const devices = createDevices(KNOWN_DEVICES);

  const modelOf = (model: string, version: string): ModelRecord => {
    const key = `${model}/${version}`;
    const known = models.get(key) ?? {
      last: { model, version, digest: '', state: 'ready' },
      batching: undefined,
      answered: ring(),
      recent: createRecent(RECENT_REQUESTS),
    };
    models.set(key, known);
    return known;
  };
  const executorOf = (executor: string, provider: string): ExecutorRecord => {
    const known = executors.get(executor) ?? {
      last: { executor, provider, state: 'ready' },
      batches: ring(),
      busyMs: ring(),
    };
    executors.set(executor, known);
    return known;
  };

  const undo = [
    events.on('request-admitted', (event) => {
      if (event.request.via === 'mqtt') devices.admitted(event, clock.nowMs());
    }),
    events.on('request-finished', (event) => {
      const atMs = clock.nowMs();
      answered.add(atMs);
      const { model, version = '' } = event.request;
      const record = modelOf(model, version);
      record.answered.add(atMs);
      record.recent.add(event, atMs);
    }),
    events.on('request-refused', ({ request, code }) => {
      const atMs = clock.nowMs();
      refused.add(atMs);
      const byCode = refusals.get(code) ?? ring();
      refusals.set(code, byCode);
      byCode.add(atMs);
      if (request.via === 'mqtt') devices.refused(request, atMs);
    }),
    events.on('batch-ran', (batch) => {
      const atMs = clock.nowMs();
      modelOf(batch.model, batch.version).batching = batch.batching;
      const { batches, busyMs } = executorOf(batch.executor, batch.provider);
      batches.add(atMs);
      busyMs.add(atMs, batch.runMs);
    }),
    events.on('model-changed', (event) => {
      if (event.state === 'unloaded') models.delete(`${event.model}/${event.version}`);
      else modelOf(event.model, event.version).last = event;
    }),
    events.on('executor-changed', (event) => {
      if (event.state === 'stopped') executors.delete(event.executor);
      else executorOf(event.executor, event.provider).last = event;
    }),
  ];

  return {
    snapshot() {
      const nowMs = clock.nowMs();
      const perSecond = (counts: SecondsRing) => counts.rate(nowMs, RATE_SECONDS);
      return {
        nowMs,
        answeredPerSecond: perSecond(answered),
        refusedPerSecond: perSecond(refused),
        history: {
          answered: answered.last(nowMs, HISTORY_SECONDS),
          refused: refused.last(nowMs, HISTORY_SECONDS),
        },
        models: [...models.values()].map(({ last, batching, answered: own, recent }) => ({
          ...{ model: last.model, version: last.version, state: last.state, ranks: last.ranks, batching },
          answeredPerSecond: perSecond(own),
          recent: recent.summary(nowMs, RECENT_MS),
        })),
        executors: [...executors.values()].map(({ last, batches, busyMs }) => ({
          ...last,
          batchesPerSecond: perSecond(batches),
          busyShare: Math.min(1, perSecond(busyMs) / 1000),
        })),
        refusals: [...refusals]
          .map(([code, counts]) => ({ code, perSecond: perSecond(counts) }))
          .filter((each) => each.perSecond > 0),
        devices: {
          inLastMinute: devices.countSince(nowMs - RECENT_MS),
          latest: devices.list(DEVICES_SHOWN),
        },
        queue: {
          length: queue.length,
          expectedWaitMs: queue.expectedWaitMs,
          congestionPrice: queue.congestionPrice,
        },
      };
    },
    close: () => {
      for (const stop of undo) stop();
    },
  };
}

/** One gateway of a simulated fleet: the rules of the real one on a virtual clock, executors that take what was measured. */

import type { AnnouncedLoad } from '../adaptive/estimate.ts';
import type { EventQueue } from '../adaptive/event-queue.ts';
import type { ArrivedRequest, ServedEnd } from '../adaptive/simulated-cloud.ts';
import { SplitError } from '../errors.ts';
import { createDispatcher, type DispatchedJob, type DispatchedModel } from '../serving/dispatcher.ts';
import type { FleetGateway } from './fleet-file.ts';

/** A model as it runs at a gateway. */
export interface SimulatedModel extends DispatchedModel {
  /** What a batch of so many takes, over its requests one by one. */
  shareAt(size: number): number;
}

export interface SimulatedGatewayOptions {
  readonly events: EventQueue;
  readonly settings: FleetGateway;
  /** Times between these are what the shares of a report are of; what was in hand before and is after counts with its part. */
  readonly window: Window;
}

export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface SimulatedGateway {
  arrive(request: GatewayRequest, tell: (end: ServedEnd) => void): void;
  /** Undefined while it is away. */
  load(nowMs: number): AnnouncedLoad | undefined;
  /** All in hand is refused, and what comes as well, until it comes back. */
  goAway(nowMs: number): void;
  comeBack(): void;
  readonly ledger: GatewayLedger;
}

export interface GatewayRequest extends Omit<ArrivedRequest, 'gateway'> {
  readonly model: SimulatedModel;
}

/** What was counted, from the first request to the last one's end. */
export interface GatewayLedger {
  admitted: number;
  answered: number;
  /** Admitted, and then too late, or the gateway went away. */
  dropped: number;
  /** Not admitted. */
  refused: number;
  batches: number;
  /** Of requests by themselves, in all batches that ran. */
  batchedRequests: number;
  /** Sum over the requests admitted of the time that each was here. */
  stayedMs: number;
  /** Integral over time of the number of requests here. */
  presentMs: number;
  /** Integral over time of the number of executors at work. */
  busyMs: number;
  /** Sum over the batches of what each took. */
  ranMs: number;
  /** The same as `busyMs`, inside the window. */
  busyInWindowMs: number;
  arrivedInWindow: number;
  mostPresent: number;
  firstMs: number;
  lastMs: number;
}

interface Job extends DispatchedJob {
  readonly model: SimulatedModel;
  /** What it takes by itself this time. */
  readonly trueMs: number;
  readonly leave: () => void;
  readonly tell: (end: ServedEnd) => void;
}

export function createSimulatedGateway({
  events,
  settings,
  window,
}: SimulatedGatewayOptions): SimulatedGateway {
  let rules = newRules();
  let freeAtMs = newLanes();
  /** Of what runs and waits: batches of an earlier life do not count. */
  let life = 0;
  let inHand = new Set<Job>();
  let isAway = false;
  let alarmMs = Number.POSITIVE_INFINITY;
  /** When each batch that runs now began. */
  const running = new Map<readonly Job[], number>();
  const ledger = newLedger();
  let present = 0;
  let busy = 0;
  let seenMs = 0;

  function newRules() {
    const made = createDispatcher<Job>(settings);
    for (let i = 0; i < settings.executors; i++) made.addLane();
    return made;
  }

  function newLanes(): number[] {
    return Array.from({ length: settings.executors }, () => 0);
  }

  /** What was here until now has been here so much longer. */
  function count(nowMs: number, change: { readonly present?: number; readonly busy?: number }): void {
    ledger.presentMs += present * (nowMs - seenMs);
    ledger.busyMs += busy * (nowMs - seenMs);
    ledger.busyInWindowMs += busy * overlapMs({ fromMs: seenMs, toMs: nowMs }, window);
    present += change.present ?? 0;
    busy += change.busy ?? 0;
    ledger.mostPresent = Math.max(ledger.mostPresent, present);
    ledger.firstMs = Math.min(ledger.firstMs, nowMs);
    ledger.lastMs = nowMs;
    seenMs = nowMs;
  }

  function arrive(request: GatewayRequest, tell: (end: ServedEnd) => void): void {
    const { nowMs, played, noise, model, deadlineAtMs } = request;
    if (nowMs >= window.fromMs && nowMs < window.toMs) ledger.arrivedInWindow += 1;
    if (isAway) {
      ledger.refused += 1;
      tell({ kind: 'refused', doneAtMs: nowMs });
      return;
    }
    const costMs = played.cost.tailMs * settings.slowdown;
    const place = admitted({ model, costMs, deadlineMs: deadlineAtMs - nowMs }, nowMs);
    if (place === undefined) {
      ledger.refused += 1;
      tell({ kind: 'refused', doneAtMs: nowMs });
      return;
    }
    ledger.admitted += 1;
    count(nowMs, { present: 1 });
    place.prepared();
    const job: Job = {
      ...{
        model,
        cut: played.arm.id,
        position: 0,
        tenant: 'default',
        costMs,
        deadlineAtMs,
        enteredMs: nowMs,
        tell,
      },
      trueMs: costMs * noise.cloud,
      leave: place.leave,
    };
    inHand.add(job);
    rules.push(job, nowMs);
    pump(nowMs);
  }

  function admitted(admission: Parameters<typeof rules.admit>[0], nowMs: number) {
    try {
      return rules.admit(admission, nowMs);
    } catch (error) {
      if (error instanceof SplitError && error.code === 'overloaded') return undefined;
      throw error;
    }
  }

  function end(job: Job, nowMs: number, told: ServedEnd): void {
    inHand.delete(job);
    job.leave();
    if (told.kind === 'answered') ledger.answered += 1;
    else ledger.dropped += 1;
    ledger.stayedMs += nowMs - job.enteredMs;
    count(nowMs, { present: -1 });
    job.tell(told);
  }

  function pump(nowMs: number): void {
    for (const { job } of rules.takeLate(nowMs)) end(job, nowMs, { kind: 'refused', doneAtMs: nowMs });
    for (let step = rules.next(nowMs); ; step = rules.next(nowMs)) {
      if (step.kind === 'wait') {
        wakeAt(step.untilMs);
        return;
      }
      run(step.lane, step.batch, nowMs);
    }
  }

  function wakeAt(atMs: number): void {
    if (!Number.isFinite(atMs) || alarmMs <= atMs) return;
    alarmMs = atMs;
    const own = life;
    events.put(atMs, () => {
      if (alarmMs === atMs) alarmMs = Number.POSITIVE_INFINITY;
      if (own === life) pump(atMs);
    });
  }

  function run(lane: number, batch: readonly Job[], nowMs: number): void {
    const [first] = batch;
    if (first === undefined) return;
    const own = life;
    const costs = batch.map(({ costMs }) => costMs);
    const begun = rules.lanes[lane]?.begin(first.model.batchCost, costs, nowMs);
    const aloneMs = batch.reduce((sum, { trueMs }) => sum + trueMs, 0);
    const runMs = aloneMs * first.model.shareAt(batch.length);
    const startMs = Math.max(nowMs, freeAtMs[lane] ?? 0);
    const endMs = startMs + runMs + settings.copyMs;
    freeAtMs[lane] = endMs;
    events.put(startMs, () => {
      if (own !== life) return;
      count(startMs, { busy: 1 });
      running.set(batch, startMs);
    });
    events.put(endMs, () => {
      if (own !== life) return;
      count(endMs, { busy: -1 });
      running.delete(batch);
      ledger.batches += 1;
      ledger.batchedRequests += batch.length;
      ledger.ranMs += endMs - startMs;
      begun?.end(runMs, endMs);
      for (const job of batch) {
        const queueMs = startMs - job.enteredMs;
        end(job, endMs, { kind: 'answered', queueMs, tailMs: endMs - startMs, doneAtMs: endMs });
      }
      pump(endMs);
    });
  }

  return {
    arrive,
    load: (nowMs) =>
      isAway ? undefined : { queueMs: rules.expectedWaitMs(nowMs), congestionPrice: rules.price(nowMs) },
    goAway(nowMs) {
      isAway = true;
      life += 1;
      // What ran was not finished: it took its time all the same.
      for (const startMs of running.values()) ledger.ranMs += nowMs - startMs;
      running.clear();
      count(nowMs, { busy: -busy });
      const lost = inHand;
      inHand = new Set();
      rules = newRules();
      freeAtMs = newLanes();
      alarmMs = Number.POSITIVE_INFINITY;
      for (const job of lost) end(job, nowMs, { kind: 'refused', doneAtMs: nowMs });
    },
    comeBack() {
      isAway = false;
    },
    ledger,
  };
}

function newLedger(): GatewayLedger {
  return {
    ...{ admitted: 0, answered: 0, dropped: 0, refused: 0, batches: 0, batchedRequests: 0 },
    ...{ stayedMs: 0, presentMs: 0, busyMs: 0, ranMs: 0, busyInWindowMs: 0, arrivedInWindow: 0 },
    ...{ mostPresent: 0, firstMs: Number.POSITIVE_INFINITY, lastMs: 0 },
  };
}

function overlapMs(a: Window, b: Window): number {
  return Math.max(0, Math.min(a.toMs, b.toMs) - Math.max(a.fromMs, b.fromMs));
}

/**
 * From requests to runs: admits what can be done in time, keeps what waits in a fair order, and gives each executor a batch of
 * one model, over many cuts, as soon as it is nearly done with the one before. The page to read to see how a gateway fills its
 * accelerator.
 */
import { type Clock, type ExecutorRequest, SplitError, type Tensors } from '@cutpoint/sdk/gateway';
import { createCongestionPrice } from '../congestion-price.ts';
import type { GatewayEvents } from '../events.ts';
import type { ServedModel } from '../models/served-model.ts';
import { createFairQueue, type Queued } from './fair-queue.ts';
import { createLane, type Lane, type LaneExecutor } from './lane.ts';
import type { Tenants } from './quota.ts';

export interface Admission {
  readonly model: ServedModel;
  readonly tenant: string;
  /** What the request is expected to take by itself, in milliseconds; 0 when nothing is known. */
  readonly costMs: number;
  /** What is left until nobody waits for the answer, in milliseconds. */
  readonly deadlineMs: number;
}

/** A place in the gateway: run() it once or leave() it, else it counts for ever. */
export interface Place {
  /** Waits for its turn and runs. @throws SplitError what the executor throws, `overloaded`, `aborted` */
  run(request: ExecutorRequest, cut: string): Promise<Ran>;
  /** Gives the place back. Safe to call twice, and after run(). */
  leave(): void;
}

/** What came of a request, and of the batch that it ran in. */
export interface Ran {
  readonly values: Tensors;
  /** From the call of run() until the batch began, in milliseconds. */
  readonly queueMs: number;
  /** The run itself, as the executor timed it. */
  readonly tailMs: number;
  /** Joining rows, and tensors to the executor and back. */
  readonly copyMs: number;
  readonly batchSize: number;
  readonly batchCuts: number;
  readonly executor: string;
  readonly provider: string;
}

export interface Job extends Queued {
  readonly model: ServedModel;
  readonly request: ExecutorRequest;
  readonly cut: string;
  readonly enteredMs: number;
  resolve(ran: Ran): void;
  reject(error: unknown): void;
}

export interface Batcher {
  /** Places taken: waiting, being prepared or running. */
  readonly length: number;
  /** Work ahead of a newcomer, in milliseconds. */
  readonly expectedWaitMs: number;
  /** See congestion-price.ts. */
  readonly congestionPrice: number;
  /** @throws SplitError `overloaded`, with the time after which it is worth trying again, and the price */
  admit(admission: Admission): Place;
}

export interface BatcherOptions {
  readonly clock: Clock;
  /** More may be added until the first request is admitted. */
  readonly executors: readonly LaneExecutor[];
  readonly tenants: Tenants;
  readonly maxQueued: number;
  /** Requests in one batch. */
  readonly maxBatch: number;
  /** Requests at different cuts share a batch where the model allows it. @default true; false is for measurements */
  readonly isMixing?: boolean;
  readonly events?: GatewayEvents | undefined;
}

export function createBatcher(o: BatcherOptions): Batcher {
  const { clock, tenants } = o;
  const price = createCongestionPrice(clock);
  const queue = createFairQueue<Job>(tenants.shareOf);
  const lanes: Lane[] = [];
  let length = 0;
  /** Of places whose request is not in the queue yet: frames that are being decoded. */
  let preparingMs = 0;
  let preparing = 0;
  let alarm: { readonly atMs: number; readonly stop: AbortController } | undefined;

  /** Spread over the executors, at the share of the time that batches of what waits would take. */
  function aheadMs(model: ServedModel): number {
    const waitingMs = queue.costMs + preparingMs;
    const share = model.batchCost.shareAt(Math.min(model.batchCost.mostUseful, queue.length + 1));
    const busyMs = lanes.reduce((sum, lane) => sum + lane.busyMs, 0);
    return (waitingMs * share + busyMs) / Math.max(1, lanes.length);
  }

  function admit({ model, tenant, costMs, deadlineMs }: Admission): Place {
    for (const executor of o.executors.slice(lanes.length))
      lanes.push(createLane({ ...o, executor, onRoom: () => pump() }));
    price.found(length);
    const wait = aheadMs(model);
    checkRoom({ length, maxQueued: o.maxQueued, waitMs: wait, costMs, deadlineMs, price: price.value });
    const leaveTenant = tenants.enter(tenant);
    const deadlineAtMs = clock.nowMs() + deadlineMs;
    length += 1;
    preparingMs += costMs;
    preparing += 1;
    let isPreparing = true;
    let isHeld = true;
    const prepared = () => {
      if (!isPreparing) return;
      isPreparing = false;
      preparing -= 1;
      preparingMs = Math.max(0, preparingMs - costMs);
    };
    const leave = () => {
      prepared();
      if (!isHeld) return;
      isHeld = false;
      length -= 1;
      if (length === 0) preparingMs = 0;
      leaveTenant();
    };
    const run = (request: ExecutorRequest, cut: string): Promise<Ran> => {
      prepared();
      return enqueue({ model, tenant, costMs, deadlineAtMs, request, cut }).finally(leave);
    };
    return { run, leave };
  }

  function enqueue(job: Omit<Job, 'enteredMs' | 'resolve' | 'reject'>): Promise<Ran> {
    return new Promise((resolve, reject) => {
      const { signal } = job.request;
      const queued: Job = { ...job, enteredMs: clock.nowMs(), resolve, reject };
      const abandon = () => reject(new SplitError('aborted', 'the request was given up before it ran'));
      // One that runs already ends as its executor says.
      const giveUp = () => void (queue.remove(queued) && abandon());
      if (signal?.aborted) return abandon();
      signal?.addEventListener('abort', giveUp, { once: true });
      queue.push(queued);
      queued.model.arrivals.seen(clock.nowMs());
      pump();
    });
  }

  /** Gives batches to executors that have room, or waits until it pays to. */
  function pump(): void {
    refuseLate();
    for (let first = queue.first(); first !== undefined; first = queue.first()) {
      const nowMs = clock.nowMs();
      const lane = lanes.filter((one) => one.roomAtMs(nowMs) <= nowMs).sort((a, b) => a.busyMs - b.busyMs)[0];
      const atMs =
        lane === undefined
          ? Math.min(...lanes.map((one) => one.roomAtMs(nowMs)))
          : joinUntilMs(lane, first, nowMs);
      if (lane === undefined || atMs > nowMs) {
        wakeAt(atMs);
        return;
      }
      lane.run(takeBatch(nowMs));
    }
  }

  /** Nobody waits for what cannot be answered in time: it makes room for what can. */
  function refuseLate(): void {
    const nowMs = clock.nowMs();
    for (const job of [...queue.jobs()]) {
      if (nowMs + job.costMs <= job.deadlineAtMs) continue;
      queue.remove(job);
      const text = `the request waited ${(nowMs - job.enteredMs).toFixed(0)} ms and cannot be answered in time`;
      job.reject(new SplitError('overloaded', text, hint(aheadMs(job.model), price.value)));
    }
  }

  /**
   * How long an idle executor waits for more to join: at most what joining saves, only while one more is being decoded or comes
   * soon enough that the wait of all that are here costs less, and never beyond what the most urgent request can spare.
   */
  function joinUntilMs(lane: Lane, first: Job, nowMs: number): number {
    const { batchCost, arrivals } = first.model;
    if (lane.isBusy || queue.length >= batchCost.mostUseful) return nowMs;
    const savedMs = first.costMs * 2 * (1 - batchCost.shareAt(2));
    const patienceMs = savedMs / queue.length;
    if (preparing === 0 && arrivals.gapMs(nowMs) >= patienceMs) return nowMs;
    const spareMs = Math.max(0, first.deadlineAtMs - nowMs - 2 * first.costMs);
    const nextMs = preparing === 0 ? patienceMs : savedMs;
    return Math.min(first.enteredMs + savedMs, nowMs + Math.min(spareMs, nextMs));
  }

  function takeBatch(nowMs: number): Job[] {
    const first = queue.first();
    const cost = first?.model.batchCost;
    const isMixing = (o.isMixing ?? true) && first?.model.batching === 'mixed';
    const maxSize = first?.model.batching === 'none' ? 1 : Math.min(o.maxBatch, cost?.mostUseful ?? 1);
    return queue.takeBatch({
      maxSize,
      mayJoin: (job, batch) => {
        if (job.model !== first?.model || (!isMixing && job.cut !== first.cut)) return false;
        const costs = [...batch.map(({ costMs }) => costMs), job.costMs];
        const endMs = nowMs + (cost?.expectedMs(costs) ?? 0);
        return [...batch, job].every(({ deadlineAtMs }) => endMs <= deadlineAtMs);
      },
      ...(first?.model.isFilled && { distance: cutDistance }),
    });
  }

  function wakeAt(atMs: number): void {
    if (!Number.isFinite(atMs) || (alarm !== undefined && alarm.atMs <= atMs)) return;
    alarm?.stop.abort();
    const stop = new AbortController();
    const own = { atMs, stop };
    alarm = own;
    const woken = clock.sleep(Math.max(0, atMs - clock.nowMs()), stop.signal).then(() => {
      if (alarm === own) alarm = undefined;
      pump();
    });
    woken.catch(() => {}); // An earlier alarm took its place.
  }

  return {
    get length() {
      return length;
    },
    get expectedWaitMs() {
      const busyMs = lanes.reduce((sum, lane) => sum + lane.busyMs, 0);
      return (queue.costMs + preparingMs + busyMs) / Math.max(1, lanes.length);
    },
    get congestionPrice() {
      return price.value;
    },
    admit,
  };
}

/**
 * A batch that is filled up has all its rows from the earliest cut in it on. So what enters where the first one does costs
 * nothing more, what enters behind it wastes the rows before, and what enters before it makes the run longer.
 */
function cutDistance(job: Job, first: Job): number {
  const [own, others] = [job, first].map(({ request }) => request.from?.position ?? 0) as [number, number];
  return own >= others ? own - others : BEFORE + others - own;
}

/** Beyond any position in a model. */
const BEFORE = 1e9;

interface Room {
  readonly length: number;
  readonly maxQueued: number;
  readonly waitMs: number;
  readonly costMs: number;
  readonly deadlineMs: number;
  readonly price: number;
}

function checkRoom({ length, maxQueued, waitMs, costMs, deadlineMs, price }: Room): void {
  if (length >= maxQueued) {
    const text = `${length} requests are in the gateway; the limit is ${maxQueued}`;
    throw new SplitError('overloaded', text, hint(waitMs, price));
  }
  const expectedMs = waitMs + costMs;
  if (expectedMs <= deadlineMs) return;
  const text = `an answer is expected in ${expectedMs.toFixed(0)} ms; the request has ${deadlineMs.toFixed(0)} ms left`;
  throw new SplitError('overloaded', text, hint(expectedMs - deadlineMs, price));
}

function hint(retryAfterMs: number, price: number) {
  return { retryAfterMs: Math.max(1, Math.round(retryAfterMs)), price };
}

/**
 * The rules by which a gateway serves: admits what can be done in time, keeps what waits in a fair order, and gives each
 * executor a batch of one model, over many cuts, as soon as it is nearly done with the one before. Time is given to it: the
 * gateway runs it on its clock, and the simulator of fleets runs the very same on a virtual one.
 */
import { SplitError } from '../errors.ts';
import type { Arrivals } from './arrivals.ts';
import type { BatchCost } from './batch-cost.ts';
import { createCongestionPrice } from './congestion-price.ts';
import { createFairQueue, type Queued } from './fair-queue.ts';
import { createLaneBook, type LaneBook } from './lane-book.ts';

/** What the rules need to know of a model. */
export interface DispatchedModel {
  /** Whether requests at different cuts run together, only those at one cut, or none. */
  readonly batching: Batching;
  readonly batchCost: BatchCost;
  /** Every batch is filled up to one number of rows, as graphics processors want it. */
  readonly isFilled: boolean;
  readonly arrivals: Arrivals;
}

export type Batching = 'mixed' | 'per-cut' | 'none';

export interface Admission {
  readonly model: DispatchedModel;
  /** What the request is expected to take by itself, in milliseconds; 0 when nothing is known. */
  readonly costMs: number;
  /** What is left until nobody waits for the answer, in milliseconds. */
  readonly deadlineMs: number;
}

export interface DispatchedJob extends Queued {
  readonly model: DispatchedModel;
  readonly cut: string;
  /** How deep in the model it enters: nodes before its cut. */
  readonly position: number;
  readonly enteredMs: number;
}

/** A place that was admitted: what it is expected to take counts as waiting until the request is in the queue. */
export interface AdmittedPlace {
  /** Its frames are decoded. Safe to call twice. */
  prepared(): void;
  /** Gives the place back. Safe to call twice. */
  leave(): void;
}

export type NextStep<Job> =
  | { readonly kind: 'run'; readonly lane: number; readonly batch: readonly Job[] }
  /** Nothing can or should be done before that time; infinite: not before a batch ends or a request comes. */
  | { readonly kind: 'wait'; readonly untilMs: number };

export interface Dispatcher<Job extends DispatchedJob> {
  /** Places taken: waiting, being prepared or running. */
  readonly length: number;
  readonly lanes: readonly LaneBook[];
  addLane(): void;
  /** Work ahead of a newcomer, in milliseconds: what a gateway announces. */
  expectedWaitMs(nowMs: number): number;
  /** See congestion-price.ts. */
  price(nowMs: number): number;
  /** @throws SplitError `overloaded`, with the time after which it is worth trying again, and the price */
  admit(admission: Admission, nowMs: number): AdmittedPlace;
  push(job: Job, nowMs: number): void;
  /** False where it is not here (any more). */
  remove(job: Job): boolean;
  /** Takes out those that cannot be answered in time any more: they make room for what can. */
  takeLate(nowMs: number): readonly { readonly job: Job; readonly error: SplitError }[];
  /** To be asked again until it says to wait. Who runs a batch tells the lane when it begins and ends. */
  next(nowMs: number): NextStep<Job>;
}

export interface DispatcherOptions {
  /** @default all alike */
  readonly shareOf?: (tenant: string) => number;
  readonly maxQueued: number;
  /** Requests in one batch. */
  readonly maxBatch: number;
  /** Requests at different cuts share a batch where the model allows it. @default true; false is for measurements */
  readonly isMixing?: boolean | undefined;
}

/** Runs take this much longer than expected now and then. Who is refused at once can ask elsewhere; who is refused late waited in vain. */
const MARGIN = 1.2;

export function createDispatcher<Job extends DispatchedJob>(o: DispatcherOptions): Dispatcher<Job> {
  let clockMs = 0;
  const price = createCongestionPrice({ nowMs: () => clockMs });
  const queue = createFairQueue<Job>(o.shareOf);
  const lanes: LaneBook[] = [];
  let length = 0;
  /** Of places whose request is not in the queue yet: frames that are being decoded. */
  let preparingMs = 0;
  let preparing = 0;

  function priceAt(nowMs: number): number {
    clockMs = nowMs;
    return price.value;
  }

  const busyMs = (nowMs: number) => lanes.reduce((sum, lane) => sum + lane.busyMs(nowMs), 0);

  /** Spread over the executors, at the share of the time that batches of what waits would take. */
  function aheadMs({ batchCost }: DispatchedModel, nowMs: number): number {
    const waitingMs = queue.costMs + preparingMs;
    const share = batchCost.expectedShareAt(Math.min(batchCost.mostUseful, queue.length + 1));
    return (waitingMs * share + busyMs(nowMs)) / Math.max(1, lanes.length);
  }

  function admit({ model, costMs, deadlineMs }: Admission, nowMs: number): AdmittedPlace {
    clockMs = nowMs;
    price.found(length);
    const waitMs = aheadMs(model, nowMs);
    checkRoom({ length, maxQueued: o.maxQueued, waitMs, costMs, deadlineMs, price: price.value });
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
    };
    return { prepared, leave };
  }

  function takeLate(nowMs: number): { job: Job; error: SplitError }[] {
    const late: Job[] = [];
    for (const job of queue.jobs()) if (nowMs + job.costMs > job.deadlineAtMs) late.push(job);
    return late.map((job) => {
      queue.remove(job);
      const text = `the request waited ${(nowMs - job.enteredMs).toFixed(0)} ms and cannot be answered in time`;
      return {
        job,
        error: new SplitError('overloaded', text, hint(aheadMs(job.model, nowMs), priceAt(nowMs))),
      };
    });
  }

  function next(nowMs: number): NextStep<Job> {
    const first = queue.first();
    if (first === undefined) return { kind: 'wait', untilMs: Number.POSITIVE_INFINITY };
    const isFull = queue.length >= first.model.batchCost.mostUseful;
    const rooms = lanes.map((lane) => lane.roomAtMs(nowMs, isFull));
    const free = lanes
      .filter((_, index) => (rooms[index] ?? 0) <= nowMs)
      .sort((a, b) => a.busyMs(nowMs) - b.busyMs(nowMs))[0];
    const untilMs = free === undefined ? Math.min(...rooms) : joinUntilMs(free, first, nowMs);
    if (free === undefined || untilMs > nowMs) return { kind: 'wait', untilMs };
    return { kind: 'run', lane: lanes.indexOf(free), batch: takeBatch(first, nowMs) };
  }

  /**
   * How long an idle executor waits for more to join: at most what joining saves, only while one more is being decoded or comes
   * soon enough that the wait of all that are here costs less, and never beyond what the most urgent request can spare.
   */
  function joinUntilMs(lane: LaneBook, first: Job, nowMs: number): number {
    const { batchCost, arrivals } = first.model;
    if (lane.isBusy || queue.length >= batchCost.mostUseful) return nowMs;
    const savedMs = first.costMs * 2 * (1 - batchCost.shareAt(2));
    const patienceMs = savedMs / queue.length;
    if (preparing === 0 && arrivals.gapMs(nowMs) >= patienceMs) return nowMs;
    const spareMs = Math.max(0, first.deadlineAtMs - nowMs - 2 * first.costMs);
    const nextMs = preparing === 0 ? patienceMs : savedMs;
    return Math.min(first.enteredMs + savedMs, nowMs + Math.min(spareMs, nextMs));
  }

  function takeBatch(first: Job, nowMs: number): Job[] {
    const { batchCost, batching } = first.model;
    const isMixing = (o.isMixing ?? true) && batching === 'mixed';
    return queue.takeBatch({
      maxSize: batching === 'none' ? 1 : Math.min(o.maxBatch, batchCost.mostUseful),
      mayJoin: (job, batch) => {
        if (job.model !== first.model || (!isMixing && job.cut !== first.cut)) return false;
        const ranMs = batchCost.expectedMs([...batch.map(({ costMs }) => costMs), job.costMs]);
        const endMs = nowMs + MARGIN * ranMs;
        return [...batch, job].every(({ deadlineAtMs }) => endMs <= deadlineAtMs);
      },
      ...(first.model.isFilled && { distance: positionDistance }),
    });
  }

  return {
    get length() {
      return length;
    },
    lanes,
    addLane: () => void lanes.push(createLaneBook()),
    expectedWaitMs: (nowMs) => (queue.costMs + preparingMs + busyMs(nowMs)) / Math.max(1, lanes.length),
    price: priceAt,
    admit,
    push(job, nowMs) {
      queue.push(job);
      job.model.arrivals.seen(nowMs);
    },
    remove: (job) => queue.remove(job),
    takeLate,
    next,
  };
}

/**
 * A batch that is filled up has all its rows from the earliest cut in it on. So what enters where the first one does costs
 * nothing more, what enters behind it wastes the rows before, and what enters before it makes the run longer.
 */
function positionDistance({ position }: DispatchedJob, { position: first }: DispatchedJob): number {
  return position >= first ? position - first : BEFORE + first - position;
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
  const expectedMs = waitMs * MARGIN + costMs;
  if (expectedMs <= deadlineMs) return;
  const text = `an answer is expected in ${expectedMs.toFixed(0)} ms; the request has ${deadlineMs.toFixed(0)} ms left`;
  throw new SplitError('overloaded', text, hint(expectedMs - deadlineMs, price));
}

function hint(retryAfterMs: number, price: number) {
  return { retryAfterMs: Math.max(1, Math.round(retryAfterMs)), price };
}

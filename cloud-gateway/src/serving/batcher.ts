/**
 * From requests to runs, as the rules of the SDK's dispatcher say (`sdk/src/serving/dispatcher.ts`: the page to read to see how
 * a gateway fills its accelerator): here are the clock, the executors, and the callers who wait.
 */
import {
  type Clock,
  createDispatcher,
  type Admission as DispatchedAdmission,
  type DispatchedJob,
  type ExecutorRequest,
  SplitError,
  type Tensors,
} from '@cutpoint/sdk/gateway';
import type { GatewayEvents } from '../events.ts';
import type { ServedModel } from '../models/served-model.ts';
import { type LaneExecutor, runBatch } from './lane.ts';
import type { Tenants } from './quota.ts';

export interface Admission extends DispatchedAdmission {
  readonly model: ServedModel;
  readonly tenant: string;
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

export interface Job extends DispatchedJob {
  readonly model: ServedModel;
  readonly request: ExecutorRequest;
  resolve(ran: Ran): void;
  reject(error: unknown): void;
}

export interface Batcher {
  /** Places taken: waiting, being prepared or running. */
  readonly length: number;
  /** Work ahead of a newcomer, in milliseconds. */
  readonly expectedWaitMs: number;
  /** What it asks of those who can do without it: see `serving/congestion-price.ts` of the SDK. */
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
  const rules = createDispatcher<Job>({ ...o, shareOf: tenants.shareOf });
  let alarm: { readonly atMs: number; readonly stop: AbortController } | undefined;

  function admit({ tenant, ...admission }: Admission): Place {
    while (rules.lanes.length < o.executors.length) rules.addLane();
    const { model, costMs, deadlineMs } = admission;
    const place = rules.admit(admission, clock.nowMs());
    const leaveTenant = entered(tenant, place.leave);
    const deadlineAtMs = clock.nowMs() + deadlineMs;
    const leave = () => {
      place.leave();
      leaveTenant();
    };
    const run = (request: ExecutorRequest, cut: string): Promise<Ran> => {
      place.prepared();
      return enqueue({ model, tenant, costMs, deadlineAtMs, request, cut }).finally(leave);
    };
    return { run, leave };
  }

  /** A tenant over its quota has no place either. */
  function entered(tenant: string, giveBack: () => void): () => void {
    try {
      return tenants.enter(tenant);
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  function enqueue(job: Omit<Job, 'enteredMs' | 'position' | 'resolve' | 'reject'>): Promise<Ran> {
    const { signal } = job.request;
    let giveUp = () => {};
    const ran = new Promise<Ran>((resolve, reject) => {
      const nowMs = clock.nowMs();
      const position = job.request.from?.position ?? 0;
      const queued: Job = { ...job, position, enteredMs: nowMs, resolve, reject };
      const abandon = () => reject(new SplitError('aborted', 'the request was given up before it ran'));
      // One that runs already ends as its executor says.
      giveUp = () => void (rules.remove(queued) && abandon());
      if (signal?.aborted) return abandon();
      signal?.addEventListener('abort', giveUp, { once: true });
      rules.push(queued, nowMs);
      pump();
    });
    // The signal lives until the deadline, and would keep the request's tensors that long.
    return ran.finally(() => signal?.removeEventListener('abort', giveUp));
  }

  /** Gives batches to executors that have room, or waits until it pays to. */
  function pump(): void {
    for (const { job, error } of rules.takeLate(clock.nowMs())) job.reject(error);
    for (;;) {
      const step = rules.next(clock.nowMs());
      if (step.kind === 'wait') {
        wakeAt(step.untilMs);
        return;
      }
      const [executor, book] = [o.executors[step.lane], rules.lanes[step.lane]];
      if (executor === undefined || book === undefined) throw new RangeError(`no executor ${step.lane}`);
      void runBatch({ clock, executor, book, events: o.events, onRoom: pump }, step.batch);
    }
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
      return rules.length;
    },
    get expectedWaitMs() {
      return rules.expectedWaitMs(clock.nowMs());
    },
    get congestionPrice() {
      return rules.price(clock.nowMs());
    },
    admit,
  };
}

/** One executor's lane: the batch that runs, and at most one that is already on its way to it. */
import { asSplitError, type Clock, type ExecutorResult, type Runtime } from '@cutpoint/sdk/gateway';
import type { GatewayEvents } from '../events.ts';
import type { Job } from './batcher.ts';

export interface LaneExecutor {
  /** Such as `cpu` or `cuda:0`. */
  readonly name: string;
  /** As it was seen to run. */
  readonly provider: string;
  readonly runtime: Runtime;
  /** Another on the same processor, for what must not leave its memory behind. Close it. */
  startBeside?(): Promise<Runtime>;
}

export interface Lane {
  readonly isBusy: boolean;
  /** What the batches that it has are expected to take from now on, in milliseconds. */
  readonly busyMs: number;
  /** When it takes the next batch: now where it is idle, a little before the end of the one that runs. */
  roomAtMs(nowMs: number): number;
  run(batch: readonly Job[]): void;
}

export interface LaneOptions {
  readonly clock: Clock;
  readonly executor: LaneExecutor;
  readonly events?: GatewayEvents | undefined;
  /** There may be room for another batch. */
  onRoom(): void;
}

/** The one that runs and the one that follows it without a gap. */
const MAX_IN_FLIGHT = 2;
const NEWEST_SHARE = 0.2;
/** Timers are not exact. */
const SLACK_MS = 1;

export function createLane({ clock, executor, events, onRoom }: LaneOptions): Lane {
  let inFlight = 0;
  /** When all that was given to it is expected to be done. */
  let freeAtMs = 0;
  /** When the last batch was seen to end. */
  let endedMs = 0;
  /** To the executor and back, as an average. */
  let copyMs = 1;

  async function run(batch: readonly Job[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    const startMs = clock.nowMs();
    const { model } = first;
    const alone = batch.map((job) => job.costMs);
    inFlight += 1;
    freeAtMs = Math.max(freeAtMs, startMs) + model.batchCost.expectedMs(alone) + copyMs;
    const settled = await Promise.allSettled(start(batch));
    const nowMs = clock.nowMs();
    inFlight -= 1;
    if (inFlight === 0) freeAtMs = nowMs;
    const ranMs = Math.max(0, ...settled.map((one) => (one.status === 'fulfilled' ? batchMs(one.value) : 0)));
    const waitedMs = Math.max(0, endedMs - startMs);
    endedMs = nowMs;
    onRoom();
    const elsewhereMs = Math.max(0, nowMs - startMs - ranMs - waitedMs);
    copyMs += NEWEST_SHARE * (elsewhereMs - copyMs);
    if (ranMs > 0) model.batchCost.observe(alone, ranMs);
    const batchCuts = new Set(batch.map(({ cut }) => cut)).size;
    tell(batch, { ranMs, batchCuts });
    for (const [i, job] of batch.entries()) {
      const one = settled[i];
      if (one?.status === 'fulfilled') {
        // A batch is one run: a request that entered late in it waited for the part before as well.
        job.resolve({
          values: one.value.values,
          queueMs: startMs - job.enteredMs + waitedMs,
          tailMs: ranMs,
          copyMs: elsewhereMs,
          ...{ batchSize: batch.length, batchCuts, executor: executor.name, provider: executor.provider },
        });
      } else job.reject(asSplitError(one?.reason));
    }
  }

  function start(batch: readonly Job[]): readonly Promise<ExecutorResult>[] {
    try {
      const replica = batch[0]?.model.replicaOn(executor.name);
      const requests = batch.map(({ request }) => request);
      if (replica?.runBatch && batch.length > 1) return replica.runBatch(requests);
      return requests.map((request) => replica?.run(request) ?? Promise.reject(new Error('no replica')));
    } catch (error) {
      return batch.map(() => Promise.reject(error));
    }
  }

  function tell(batch: readonly Job[], { ranMs, batchCuts }: { ranMs: number; batchCuts: number }): void {
    const { name: model, version, batching } = batch[0]?.model ?? {};
    if (model === undefined || version === undefined || batching === undefined) return;
    const { name, provider } = executor;
    events?.emit('batch-ran', {
      ...{
        model,
        version,
        executor: name,
        provider,
        size: batch.length,
        cuts: batchCuts,
        runMs: ranMs,
        batching,
      },
    });
  }

  return {
    get isBusy() {
      return inFlight > 0;
    },
    get busyMs() {
      return inFlight === 0 ? 0 : Math.max(0, freeAtMs - clock.nowMs());
    },
    roomAtMs(nowMs) {
      if (inFlight === 0) return nowMs;
      return inFlight < MAX_IN_FLIGHT ? freeAtMs - copyMs - SLACK_MS : Number.POSITIVE_INFINITY;
    },
    run: (batch) => void run(batch),
  };
}

/** Of the run that the requests of a batch share. */
function batchMs({ segmentMs }: ExecutorResult): number {
  return segmentMs.reduce((sum, ms) => sum + ms, 0);
}

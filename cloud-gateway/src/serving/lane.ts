/** One batch on one executor: started, timed, and each of its requests answered. */
import {
  asSplitError,
  type Clock,
  type ExecutorResult,
  type LaneBook,
  type Runtime,
} from '@cutpoint/sdk/gateway';
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

export interface LaneOptions {
  readonly clock: Clock;
  readonly executor: LaneExecutor;
  readonly book: LaneBook;
  readonly events?: GatewayEvents | undefined;
  /** There may be room for another batch. */
  onRoom(): void;
}

export async function runBatch(o: LaneOptions, batch: readonly Job[]): Promise<void> {
  const { clock, executor, book } = o;
  const [first] = batch;
  if (first === undefined) return;
  const startMs = clock.nowMs();
  const alone = batch.map((job) => job.costMs);
  const begun = book.begin(first.model.batchCost, alone, startMs);
  const settled = await Promise.allSettled(start(o, batch));
  const nowMs = clock.nowMs();
  const ranMs = Math.max(0, ...settled.map((one) => (one.status === 'fulfilled' ? batchMs(one.value) : 0)));
  const { waitedMs, elsewhereMs } = begun.end(ranMs, nowMs);
  o.onRoom();
  const batchCuts = new Set(batch.map(({ cut }) => cut)).size;
  tell(o, batch, { ranMs, batchCuts });
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

function start({ executor }: LaneOptions, batch: readonly Job[]): readonly Promise<ExecutorResult>[] {
  try {
    const replica = batch[0]?.model.replicaOn(executor.name);
    const requests = batch.map(({ request }) => request);
    if (replica?.runBatch && batch.length > 1) return replica.runBatch(requests);
    return requests.map((request) => replica?.run(request) ?? Promise.reject(new Error('no replica')));
  } catch (error) {
    return batch.map(() => Promise.reject(error));
  }
}

function tell(
  { executor: { name, provider }, events }: LaneOptions,
  batch: readonly Job[],
  { ranMs, batchCuts }: { ranMs: number; batchCuts: number },
): void {
  const { name: model, version, batching } = batch[0]?.model ?? {};
  if (model === undefined || version === undefined || batching === undefined) return;
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

/** Of the run that the requests of a batch share. */
function batchMs({ segmentMs }: ExecutorResult): number {
  return segmentMs.reduce((sum, ms) => sum + ms, 0);
}

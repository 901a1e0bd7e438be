/**
 * What the ranks of a model run on: the graphics processors that the gateway has, as many for each set as there are ranks; on
 * the CPU processes of their own, one a rank, which all models with ranks share and which end with the last of them.
 */
import { type Runtime, SplitError } from '@cutpoint/sdk/gateway';
import type { LaneExecutor } from './lane.ts';

export interface RankSet {
  /** Names of the executors whose batches run on it. */
  readonly executors: readonly string[];
  /** One for each rank. */
  readonly runtimes: readonly Runtime[];
  /** Safe to call twice. */
  close(): Promise<void>;
}

export interface RankSets {
  /**
   * Sets for one model; every executor belongs to one of them.
   * @throws SplitError `options-invalid` for more ranks than graphics processors, `provider-unavailable`
   */
  take(ranks: number): Promise<readonly RankSet[]>;
  /** A process on the CPU that sees the whole model, so that no graphics processor has to. Close it. */
  startBeside(): Promise<Runtime>;
}

export interface RankSetsOptions {
  /** More may be added until the first set is taken. */
  readonly executors: readonly LaneExecutor[];
  /** @param rank from 0. @param ranks how many share the processors of this machine */
  startRank(rank: number, ranks: number): Promise<Runtime>;
  startBeside(): Promise<Runtime>;
}

export function createRankSets({ executors, startRank, startBeside }: RankSetsOptions): RankSets {
  const processes = createProcesses(startRank);
  const isGraphics = () => executors.some(({ provider }) => provider !== 'cpu');
  return {
    take: async (ranks) =>
      isGraphics() ? setsOf(executors, ranks) : [await processes.take(executors, ranks)],
    startBeside,
  };
}

/** Neighbours make a set. Those that are left over give their batches to the sets that there are. */
function setsOf(executors: readonly LaneExecutor[], ranks: number): readonly RankSet[] {
  const count = Math.floor(executors.length / ranks);
  if (count === 0) {
    const names = executors.map(({ name }) => name).join(', ');
    throw new SplitError(
      'options-invalid',
      `${ranks} ranks need as many graphics processors, and this gateway has ${executors.length} (${names}); give more with gpus`,
    );
  }
  return Array.from({ length: count }, (_, set) => ({
    executors: executors
      .filter((_executor, index) => Math.floor(index / ranks) % count === set)
      .map(({ name }) => name),
    runtimes: executors.slice(set * ranks, (set + 1) * ranks).map(({ runtime }) => runtime),
    close: async () => {}, // They are the gateway's.
  }));
}

interface Slot {
  users: number;
  readonly started: Promise<Runtime>;
}

function createProcesses(startRank: RankSetsOptions['startRank']) {
  const slots = new Map<number, Slot>();
  /** Of each rank: when the process before has ended. Two of one name would speak for each other. */
  const ended = new Map<number, Promise<void>>();

  function enter(rank: number, ranks: number): Slot {
    const known = slots.get(rank);
    const before = ended.get(rank) ?? Promise.resolve();
    const slot = known ?? { users: 0, started: before.then(() => startRank(rank, ranks)) };
    slot.users += 1;
    slots.set(rank, slot);
    return slot;
  }

  async function leave(rank: number, slot: Slot): Promise<void> {
    slot.users -= 1;
    if (slot.users > 0) return;
    slots.delete(rank);
    const end = slot.started.then(
      (runtime) => runtime.close(),
      () => {}, // It did not start: whoever asked for it has the error.
    );
    ended.set(rank, end);
    await end;
  }

  async function take(executors: readonly LaneExecutor[], ranks: number): Promise<RankSet> {
    const own = Array.from({ length: ranks }, (_, rank) => enter(rank, ranks));
    let closing: Promise<unknown> | undefined;
    const close = async () => {
      closing ??= Promise.all(own.map((slot, rank) => leave(rank, slot)));
      await closing;
    };
    const started = await Promise.allSettled(own.map((slot) => slot.started));
    const failed = started.find((one) => one.status === 'rejected');
    if (failed) {
      await close();
      throw failed.reason;
    }
    const runtimes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    return { executors: executors.map(({ name }) => name), runtimes, close };
  }

  return { take };
}

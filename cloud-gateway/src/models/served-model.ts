/** One version of a model, ready to serve: loaded on every executor, each of its cuts timed. */
import {
  type AnnouncedModel,
  type Cut,
  type Executor,
  SplitError,
  type TablesById,
  type TensorInfo,
} from '@cutpoint/sdk/gateway';
import { type Arrivals, createArrivals } from '../serving/arrivals.ts';
import type { BatchCost } from '../serving/batch-cost.ts';

export interface ServedModel {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly announcement: AnnouncedModel;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Coder tables that lie beside the model; frames may name them. @default none */
  readonly tables?: TablesById;
  /** Whether requests at different cuts run together, only those at one cut, or none; as the probe found. */
  readonly batching: Batching;
  readonly batchCost: BatchCost;
  /** Every batch is filled up to one number of rows, as graphics processors want it. */
  readonly isFilled: boolean;
  readonly arrivals: Arrivals;
  /**
   * What a request for the cut brings and gets; `'input'` is the whole model.
   * @throws SplitError `cut-invalid` for a cut that is not offered
   */
  crossing(cutId: string): Crossing;
  /** Where it is loaded. */
  readonly executorNames: readonly string[];
  /** What runs it on an executor, by its name. @throws SplitError `internal` */
  replicaOn(executor: string): Executor;
  /** Counts a request in. @returns how to count it out */
  hold(): () => void;
  /** Waits for the requests that hold it, then releases what it takes. Safe to call twice. */
  close(): Promise<void>;
}

export type Batching = 'mixed' | 'per-cut' | 'none';

/** One cut, from the gateway's side. */
export interface Crossing {
  readonly id: string;
  /** Absent for the model's inputs. */
  readonly cut: Cut | undefined;
  /** Tensors that cross, all of them needed. */
  readonly tensors: readonly TensorInfo[];
  /** Outputs of the model that are made behind the cut. */
  readonly outputs: readonly TensorInfo[];
  /** Names of tensors that may stay the bytes that they travelled as. */
  readonly bytes: readonly string[];
  /** Expected time of the tail by itself, in milliseconds; 0 until one is known. */
  expectedMs(): number;
  /** A tail that ran by itself took so long: requests of other shapes than those timed at the start pull towards them. */
  observe(tailMs: number): void;
}

/** A cut and the time that its tail took when the model was warmed up, in milliseconds. */
export interface TimedCut {
  readonly cut: Cut;
  readonly outputs: readonly TensorInfo[];
  readonly tailMs: number | undefined;
}

export interface ServedModelOptions {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly cuts: readonly TimedCut[];
  readonly inputTailMs: number | undefined;
  readonly batching: Batching;
  readonly batchCost: BatchCost;
  readonly isFilled: boolean;
  /** By the executor's name; alike but for where they run. */
  readonly replicas: ReadonlyMap<string, Executor>;
}

/** The cut id that stands for the model's inputs: nothing runs on the device. */
export const INPUT_CUT = 'input';
/** Weight of the newest run in the expected time. */
const NEWEST_SHARE = 0.2;

export function createServedModel(o: ServedModelOptions): ServedModel {
  const { name, version, digest, replicas, batching, batchCost, isFilled, inputs, outputs } = o;
  const [anyReplica] = replicas.values();
  const crossings = new Map<string, Crossing>([
    [
      INPUT_CUT,
      createCrossing({ id: INPUT_CUT, tensors: inputs, outputs, bytes: [], tailMs: o.inputTailMs }),
    ],
    ...o.cuts.map(({ cut, outputs: made, tailMs }): [string, Crossing] => [
      cut.id,
      createCrossing({
        ...{ id: cut.id, cut, tensors: cut.tensors, outputs: made, tailMs },
        bytes: anyReplica?.takesBytes?.(cut) ?? [],
      }),
    ]),
  ]);
  let holders = 0;
  let closing: Promise<void> | undefined;
  let allLeft = () => {};
  const left = new Promise<void>((resolve) => {
    allLeft = resolve;
  });

  async function closeWhenLeft(): Promise<void> {
    if (holders > 0) await left;
    await Promise.all([...replicas.values()].map((replica) => replica.close()));
  }

  return {
    ...{ name, version, digest, inputs, outputs, batching, batchCost, isFilled },
    executorNames: [...replicas.keys()],
    arrivals: createArrivals(),
    announcement: announcementOf(o),
    crossing(cutId) {
      const crossing = crossings.get(cutId);
      if (crossing !== undefined) return crossing;
      const offered = [...crossings.keys()].join(', ');
      throw new SplitError('cut-invalid', `model '${name}' has no cut '${cutId}' here; it offers ${offered}`);
    },
    replicaOn(executor) {
      const replica = replicas.get(executor);
      if (replica !== undefined) return replica;
      throw new SplitError('internal', `model '${name}' is not on executor ${executor}`);
    },
    hold() {
      holders += 1;
      let isHolding = true;
      return () => {
        if (!isHolding) return;
        isHolding = false;
        holders -= 1;
        if (holders === 0 && closing !== undefined) allLeft();
      };
    },
    close() {
      closing ??= closeWhenLeft();
      return closing;
    },
  };
}

interface CrossingOptions extends Omit<Crossing, 'expectedMs' | 'observe' | 'cut'> {
  readonly cut?: Cut;
  readonly tailMs: number | undefined;
}

function createCrossing({ tailMs, cut, ...about }: CrossingOptions): Crossing {
  let expectedMs = tailMs ?? 0;
  return {
    ...about,
    cut,
    expectedMs: () => expectedMs,
    observe(ranMs) {
      expectedMs = expectedMs === 0 ? ranMs : expectedMs + NEWEST_SHARE * (ranMs - expectedMs);
    },
  };
}

/** Cuts that could not be timed are served when asked for, but not announced. */
function announcementOf({ name, digest, cuts, inputTailMs }: ServedModelOptions): AnnouncedModel {
  const timed = cuts.flatMap(({ cut, tailMs }) => (tailMs === undefined ? [] : [{ id: cut.id, tailMs }]));
  return { name, digest, cuts: timed, ...(inputTailMs === undefined ? {} : { inputTailMs }) };
}

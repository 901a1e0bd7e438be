/** One version of a model, ready to serve: loaded on every executor, each of its cuts timed. */
import {
  type AnnouncedModel,
  type Arrivals,
  type BatchCost,
  type Batching,
  type Cut,
  createArrivals,
  type Executor,
  INPUT_END,
  OUTPUTS_END,
  SplitError,
  type TablesById,
  type TensorInfo,
} from '@cutpoint/sdk/gateway';
import type { ModelPolicy } from '../policy/model-policy.ts';

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
  /** Where its data may be, as policy.yaml beside it says. @default anywhere */
  readonly policy?: ModelPolicy | undefined;
  readonly arrivals: Arrivals;
  /**
   * What a request for the cut brings and gets; `'input'` is the whole model.
   * @param toId the cut to stop at; @default the model's outputs
   * @throws SplitError `cut-invalid` for a cut that is not offered, or one that does not lie behind the first
   */
  crossing(cutId: string, toId?: string): Crossing;
  /** Over so many ranks it is parted; absent where each executor has the whole model. */
  readonly ranks?: number | undefined;
  /** Whether anything that runs it lives. */
  canRun(): boolean;
  /** Where it is loaded. */
  readonly executorNames: readonly string[];
  /** What runs it on an executor, by its name. @throws SplitError `internal` */
  replicaOn(executor: string): Executor;
  /** Counts a request in. @returns how to count it out */
  hold(): () => void;
  /** Waits for the requests that hold it, then releases what it takes. Safe to call twice. */
  close(): Promise<void>;
}

/** One cut, from the gateway's side. */
export interface Crossing {
  readonly id: string;
  /** Absent for the model's inputs. */
  readonly cut: Cut | undefined;
  /** Where the run stops; absent for the model's outputs. */
  readonly to?: Cut | undefined;
  /** Tensors that cross, all of them needed. */
  readonly tensors: readonly TensorInfo[];
  /** Outputs of the model that are made behind the cut; where the run stops at a cut, those made on the way and what crosses. */
  readonly outputs: readonly TensorInfo[];
  /** Of these, outputs of the model. */
  readonly madeOutputs: readonly TensorInfo[];
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

/** From a cut's id or `input` to one or `outputs`. */
export interface ServedRange {
  readonly from: string;
  readonly to: string;
}

export interface ServedModelOptions {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly cuts: readonly TimedCut[];
  readonly inputTailMs: number | undefined;
  /** Requests outside of it are refused. @default the whole model */
  readonly range?: ServedRange | undefined;
  readonly batching: Batching;
  readonly batchCost: BatchCost;
  readonly isFilled: boolean;
  readonly policy?: ModelPolicy | undefined;
  /** By the executor's name; alike but for where they run. */
  readonly replicas: ReadonlyMap<string, Executor>;
  /** @default each executor has the whole model */
  readonly ranked?: RankedFacts | undefined;
}

/** Of a model that is parted over ranks. */
export interface RankedFacts {
  readonly ranks: number;
  /** Shapes by which it was parted: requests with others are refused. */
  readonly types: ReadonlyMap<string, TensorInfo>;
  /** Whether the ranks live. */
  canRun(): boolean;
}

/** The cut id that stands for the model's inputs: nothing runs on the device. */
export const INPUT_CUT: string = INPUT_END;
/** Weight of the newest run in the expected time. */
const NEWEST_SHARE = 0.2;

export function createServedModel(o: ServedModelOptions): ServedModel {
  const { name, version, digest, replicas, batching, batchCost, isFilled, policy, ranked } = o;
  const sized = (info: TensorInfo) => ranked?.types.get(info.name) ?? info;
  const [inputs, outputs] = [o.inputs.map(sized), o.outputs.map(sized)];
  const [anyReplica] = replicas.values();
  const ranges = new Map<string, Crossing>();
  const crossings = new Map<string, Crossing>([
    [
      INPUT_CUT,
      createCrossing({
        ...{ id: INPUT_CUT, tensors: inputs, outputs, madeOutputs: outputs, bytes: [] },
        tailMs: o.inputTailMs,
      }),
    ],
    ...o.cuts.map(({ cut, outputs: made, tailMs }): [string, Crossing] => [
      cut.id,
      createCrossing({
        ...{ id: cut.id, cut, tensors: cut.tensors.map(sized), outputs: made, madeOutputs: made, tailMs },
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

  function offered(cutId: string): Crossing {
    const crossing = crossings.get(cutId);
    if (crossing !== undefined) return crossing;
    const all = [...crossings.keys()].join(', ');
    throw new SplitError('cut-invalid', `model '${name}' has no cut '${cutId}' here; it offers ${all}`);
  }

  function checkInside(from: Crossing, to: Crossing | undefined): void {
    const { range = WHOLE } = o;
    const least = range.from === INPUT_END ? 0 : positionOf(offered(range.from));
    const most = range.to === OUTPUTS_END ? Number.POSITIVE_INFINITY : positionOf(offered(range.to));
    const end = to === undefined ? Number.POSITIVE_INFINITY : positionOf(to);
    if (positionOf(from) >= least && end <= most) return;
    const asked = `${from.id} to ${to?.id ?? OUTPUTS_END}`;
    throw new SplitError(
      'cut-invalid',
      `${asked} of model '${name}' is not run here; ${range.from} to ${range.to} is`,
    );
  }

  async function closeWhenLeft(): Promise<void> {
    if (holders > 0) await left;
    await Promise.all([...replicas.values()].map((replica) => replica.close()));
  }

  return {
    ...{ name, version, digest, inputs, outputs, batching, batchCost, isFilled, policy },
    ...(ranked && { ranks: ranked.ranks }),
    canRun: () => ranked?.canRun() ?? true,
    executorNames: [...replicas.keys()],
    arrivals: createArrivals(),
    announcement: announcementOf(o),
    crossing(cutId, toId) {
      const from = offered(cutId);
      checkInside(from, toId === undefined ? undefined : offered(toId));
      if (toId === undefined) return from;
      const key = `${cutId}-${toId}`;
      const known = ranges.get(key);
      if (known !== undefined) return known;
      const range = rangeBetween(from, offered(toId));
      ranges.set(key, range);
      return range;
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

function positionOf({ cut }: Crossing): number {
  return cut?.position ?? 0;
}

/** What lies between two cuts. Its time is what the one tail takes more than the other. */
function rangeBetween(from: Crossing, end: Crossing): Crossing {
  const { cut: to } = end;
  const start = from.cut?.position ?? 0;
  if (to === undefined || to.position <= start)
    throw new SplitError('cut-invalid', `a run from cut '${from.id}' cannot stop at '${end.id}'`);
  const later = new Set(end.outputs.map(({ name }) => name));
  const made = from.outputs.filter(({ name }) => !later.has(name));
  const crossing = to.tensors.filter((tensor) => !made.some(({ name }) => name === tensor.name));
  // What passes through must be there to be given out, and bytes are not.
  const bytes = from.bytes.filter((name) => !to.tensors.some((tensor) => tensor.name === name));
  return createCrossing({
    ...{ id: `${from.id}-${end.id}`, cut: from.cut, to, tensors: from.tensors, bytes },
    outputs: [...made, ...crossing],
    madeOutputs: made,
    tailMs: Math.max(0, from.expectedMs() - end.expectedMs()),
  });
}

interface CrossingOptions extends Omit<Crossing, 'expectedMs' | 'observe' | 'cut'> {
  readonly cut?: Cut | undefined;
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

/**
 * Cuts that could not be timed are served when asked for, but not announced; those that no policy lets through are neither. Where the range does not end with the model there
 * are no whole tails to announce.
 */
function announcementOf({
  name,
  digest,
  cuts,
  inputTailMs,
  range = WHOLE,
  policy,
  ranked,
}: ServedModelOptions): AnnouncedModel {
  const own = { name, digest, ...(ranked && { ranks: ranked.ranks }) };
  const offered = cuts.filter(({ cut }) => policy?.offers(cut) ?? true);
  const timed = offered.flatMap(({ cut, tailMs }) => (tailMs === undefined ? [] : [{ id: cut.id, tailMs }]));
  const [first, last] = [
    timed.findIndex(({ id }) => id === range.from),
    timed.findIndex(({ id }) => id === range.to),
  ];
  const inside = timed.slice(Math.max(0, first), last < 0 ? undefined : last + 1);
  if (last < 0) {
    const whole = first < 0 && inputTailMs !== undefined ? { inputTailMs } : {};
    return { ...own, cuts: inside, ...whole, range };
  }
  const beyondMs = timed[last]?.tailMs ?? 0;
  const parts = inside.map(({ id, tailMs }) => ({ id, tailMs: Math.max(0, tailMs - beyondMs) }));
  return { ...own, cuts: [], range: { ...range, cuts: parts } };
}

const WHOLE: ServedRange = { from: INPUT_END, to: OUTPUTS_END };

/** A model ready to serve: its segments are loaded, and each of its cuts has been timed. */
import {
  type AnnouncedModel,
  type Cut,
  type Executor,
  SplitError,
  type TablesById,
  type TensorInfo,
  type Tensors,
} from '@cutpoint/sdk/gateway';

export interface ServedModel {
  readonly name: string;
  readonly digest: string;
  readonly announcement: AnnouncedModel;
  /** Coder tables that lie beside the model; frames may name them. @default none */
  readonly tables?: TablesById;
  /**
   * What a request for the cut brings and gets; `'input'` is the whole model.
   * @throws SplitError `cut-invalid` for a cut that is not offered
   */
  crossing(cutId: string): Crossing;
  close(): Promise<void>;
}

/** One cut, from the gateway's side. */
export interface Crossing {
  /** Tensors that cross, all of them needed. */
  readonly tensors: readonly TensorInfo[];
  /** Outputs of the model that are made behind the cut. */
  readonly outputs: readonly TensorInfo[];
  /** Expected time of the tail, in milliseconds; 0 until one is known. */
  expectedMs(): number;
  run(o: TailRun): Promise<{ readonly values: Tensors; readonly tailMs: number }>;
}

export interface TailRun {
  readonly feeds: Tensors;
  readonly fetches: readonly string[];
  readonly signal?: AbortSignal;
}

/** A cut and the time that its tail took when the model was warmed up, in milliseconds. */
export interface TimedCut {
  readonly cut: Cut;
  readonly outputs: readonly TensorInfo[];
  readonly tailMs: number | undefined;
}

export interface ServedModelOptions {
  readonly name: string;
  readonly digest: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly cuts: readonly TimedCut[];
  readonly inputTailMs: number | undefined;
  readonly executor: Executor;
}

/** The cut id that stands for the model's inputs: nothing runs on the device. */
const INPUT_CUT = 'input';
/** Weight of the newest run in the expected time. */
const NEWEST_SHARE = 0.2;

export function createServedModel(o: ServedModelOptions): ServedModel {
  const { name, digest, executor } = o;
  const crossings = new Map<string, Crossing>([
    [INPUT_CUT, createCrossing({ executor, tensors: o.inputs, outputs: o.outputs, tailMs: o.inputTailMs })],
    ...o.cuts.map(({ cut, outputs, tailMs }): [string, Crossing] => [
      cut.id,
      createCrossing({ executor, from: cut, tensors: cut.tensors, outputs, tailMs }),
    ]),
  ]);
  return {
    name,
    digest,
    announcement: announcementOf(o),
    crossing(cutId) {
      const crossing = crossings.get(cutId);
      if (crossing !== undefined) return crossing;
      const offered = [...crossings.keys()].join(', ');
      throw new SplitError('cut-invalid', `model '${name}' has no cut '${cutId}' here; it offers ${offered}`);
    },
    close: () => executor.close(),
  };
}

interface CrossingOptions {
  readonly executor: Executor;
  readonly from?: Cut;
  readonly tensors: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly tailMs: number | undefined;
}

function createCrossing({ executor, from, tensors, outputs, tailMs }: CrossingOptions): Crossing {
  let expectedMs = tailMs ?? 0;
  return {
    tensors,
    outputs,
    expectedMs: () => expectedMs,
    async run(tail) {
      const { values, segmentMs } = await executor.run({ ...tail, ...(from === undefined ? {} : { from }) });
      const ranMs = segmentMs.reduce((sum, ms) => sum + ms, 0);
      // Requests of other shapes than those timed at the start pull the expectation towards them.
      expectedMs = expectedMs === 0 ? ranMs : expectedMs + NEWEST_SHARE * (ranMs - expectedMs);
      return { values, tailMs: ranMs };
    },
  };
}

/** Cuts that could not be timed are served when asked for, but not announced. */
function announcementOf({
  name,
  digest,
  cuts,
  inputTailMs,
}: ServedModelOptions): ServedModel['announcement'] {
  const timed = cuts.flatMap(({ cut, tailMs }) => (tailMs === undefined ? [] : [{ id: cut.id, tailMs }]));
  return { name, digest, cuts: timed, ...(inputTailMs === undefined ? {} : { inputTailMs }) };
}

/**
 * The Executor port: runs the part of a model between two cuts. Adapters: valve.ts, one session for all parts and
 * for batches; chain.ts, one session per segment; separate.ts, one per part that is asked for.
 */
import type { Cut } from '../../cut/cut.ts';
import type { QuantisedTensor } from '../../quantised.ts';
import type { Tensors } from '../../tensor.ts';

export interface Executor {
  /** Where a run may begin or end, by position. */
  readonly cuts: readonly Cut[];
  /** What runs the model, for traces: `chain of 3 segments, onnxruntime-node 1.30.0 cpu, 2 threads`. */
  readonly description: string;
  /**
   * Runs the nodes between two cuts: a head has no `from`, a tail no `to`, the whole model neither.
   * @throws SplitError `cut-invalid` for a cut that is not one of `cuts`, or a `to` before `from`;
   * `runtime-failed` when a feed is missing or a fetch is neither made between the cuts nor fed;
   * `aborted`, `closed`
   */
  run(request: ExecutorRequest): Promise<ExecutorResult>;
  /**
   * Runs requests at the same or at different cuts together where their rows allow it, and the others one by one;
   * each promise is settled as that of `run` would be. Absent where nothing can be run together.
   */
  runBatch?(requests: readonly ExecutorRequest[]): readonly Promise<ExecutorResult>[];
  /**
   * From now on every run of tails has just so many rows, filled up where there are fewer, so that a graphics processor need
   * not set up its convolutions anew for each number of rows. `undefined`: as many as there are.
   */
  fillTo?(rows: number | undefined): void;
  /** Whether it can quantise what crosses a cut where it is made. */
  canQuantise?(cut: Cut): boolean;
  /** Names of what crosses the cut and may be fed as bytes; the graph makes floats of them. Absent: none. */
  takesBytes?(cut: Cut): readonly string[];
  /** Waits for runs in progress, then releases the models; the runtime stays. Safe to call twice. */
  close(): Promise<void>;
}

export interface ExecutorRequest {
  /** The cut whose tensors are fed. Absent: the model's inputs are. */
  readonly from?: Cut | undefined;
  /** The cut to stop at. Absent: at the model's outputs. */
  readonly to?: Cut | undefined;
  readonly feeds: Tensors;
  /** Floats that are fed as bytes, in place of `feeds` of that name: those that `takesBytes` names. */
  readonly quantisedFeeds?: Readonly<Record<string, QuantisedTensor>> | undefined;
  /** Names to return: anything that leaves a segment in between, or a feed. */
  readonly fetches: readonly string[];
  /**
   * Floats that cross at `to` come as bytes, in `quantised`, all but those that bytes cannot express. Where it cannot be
   * done they come as they are. @default false
   */
  readonly quantise?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ExecutorResult {
  readonly values: Tensors;
  /** By name, for requests that wanted bytes. */
  readonly quantised?: Readonly<Record<string, QuantisedTensor>> | undefined;
  /**
   * Milliseconds of each segment that ran, in order. Where segments run as one, their time is parted by what each of
   * them took when the model was opened. In a batch they are those of the run that the requests share.
   */
  readonly segmentMs: readonly number[];
}

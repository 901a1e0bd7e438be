/** The Runtime port: runs ONNX models. Adapters: ort-node.ts (worker thread), ort-process.ts (process). The suite in suite.ts holds for each. */
import type { TensorInfo, Tensors } from '../tensor.ts';
import type { Feeds } from './feeds.ts';

export type GraphOptimization = 'disabled' | 'basic' | 'extended' | 'all';

export interface RuntimeModel {
  /** A whole ONNX model, or a segment whose weights lie in other files. */
  readonly bytes: Uint8Array;
  /**
   * Directory against which the `location` of external data in `bytes` is resolved.
   * A segment names weights by offset in the original file, so this is the original's directory.
   */
  readonly directory?: string;
  readonly optimization?: GraphOptimization;
}

/** A model that a runtime holds. Opaque to all but that runtime; release it once. */
export interface LoadedModel {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  release(): Promise<void>;
}

export interface RunRequest {
  /**
   * Models to run one after the other over one pool of named values: each takes its inputs from the pool
   * and puts its outputs into it. A chain of segments is one request, so nothing is copied between segments.
   */
  readonly models: readonly LoadedModel[];
  readonly feeds: Feeds;
  /** Names to return, out of feeds and outputs. */
  readonly fetches: readonly string[];
  /** Checked before each model: a chain stops between segments. */
  readonly signal?: AbortSignal;
  /** The feeds are given away: their memory may be taken instead of copied. @default false */
  readonly handsOver?: boolean;
}

export interface RunResult {
  readonly values: Tensors;
  /** Milliseconds of each model's run, in order, without the time to hand tensors over. */
  readonly stepMs: readonly number[];
}

export interface Runtime {
  /** What runs the models, for traces and announcements: `onnxruntime-node 1.30.0 cpu, 2 threads`. */
  readonly description: string;
  /** The execution provider, by ONNX Runtime's name; absent where it is not one. */
  readonly provider?: string;
  /** It will run nothing any more, for a reason of its own: a gateway that sees this stops announcing itself. */
  readonly hasFailed?: boolean;
  /** @throws SplitError `runtime-failed` or `provider-unavailable` */
  load(model: RuntimeModel): Promise<LoadedModel>;
  /** @throws SplitError `runtime-failed`, `aborted`, `closed` */
  run(request: RunRequest): Promise<RunResult>;
  /**
   * Runs the model a few times and says which execution providers were at work, by ONNX Runtime's own profile: for each,
   * milliseconds in its kernels. What was asked for is not always what runs.
   */
  profile?(model: RuntimeModel, feeds: Tensors): Promise<Readonly<Record<string, number>>>;
  /** Waits for the run in progress, then frees everything. Safe to call twice. */
  close(): Promise<void>;
}

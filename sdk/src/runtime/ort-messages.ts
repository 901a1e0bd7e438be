/** What the main thread and the ONNX Runtime worker say to each other. Types only. */
import type { ErrorCode } from '../errors.ts';
import type { Tensor, TensorInfo } from '../tensor.ts';
import type { RunStep } from './run-plan.ts';
import type { GraphOptimization } from './runtime.ts';

/** Given to the worker at its start. */
export interface WorkerSettings {
  readonly threads: number;
  readonly provider: string;
  /** Which of several graphics processors. */
  readonly deviceId: number | undefined;
  /** What to import as ONNX Runtime: a package name or a URL. */
  readonly module: string;
  /** Whether sessions on the CPU keep memory from one run to the next. */
  readonly memoryArena: boolean;
}

export interface LoadCall {
  readonly kind: 'load';
  readonly bytes: Uint8Array;
  readonly directory: string | undefined;
  readonly optimization: GraphOptimization;
}

export interface RunCall {
  readonly kind: 'run';
  readonly steps: readonly RunStep[];
  readonly feeds: readonly NamedTensor[];
  readonly fetches: readonly string[];
  readonly stop: StopHandle;
}

/**
 * Whether anybody still waits for the run. Where memory can be shared, one Int32, 0 as long as somebody does; else a number
 * that a later message names.
 */
export type StopHandle = Int32Array | number;

export interface ProfileCall {
  readonly kind: 'profile';
  readonly bytes: Uint8Array;
  readonly directory: string | undefined;
  readonly optimization: GraphOptimization;
  readonly feeds: readonly NamedTensor[];
}

export interface ReleaseCall {
  readonly kind: 'release';
  readonly model: number;
}

/** Release all, then exit. The reply is the worker's last word. */
export interface CloseCall {
  readonly kind: 'close';
}

export type WorkerCall = LoadCall | RunCall | ProfileCall | ReleaseCall | CloseCall;

/** Pairs, not a record: a tensor may be called `__proto__`. */
export type NamedTensor = readonly [name: string, tensor: Tensor];

export interface LoadReply {
  readonly model: number;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

export interface RunReply {
  readonly values: readonly NamedTensor[];
  readonly stepMs: readonly number[];
}

/** Sent once, before any reply: the version of ONNX Runtime, or why there is none. */
export interface ReadyReply {
  readonly version: string;
}

/** An error as it crosses the thread boundary, where classes do not survive. */
export interface CallError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Call 0 is the start itself; it is answered by a ReadyReply. */
export interface CallMessage {
  readonly id: number;
  readonly call: WorkerCall;
}

export type ReplyMessage =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: CallError };

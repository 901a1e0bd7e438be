/** What the gateway's process and a process with ONNX Runtime say to each other. Types, and tensors as buffers. */
import { type Tensor, type TensorInfo, type Tensors, type TensorType, tensorFromBytes } from '../tensor.ts';
import { type Feeds, piecesOf } from './feeds.ts';
import type { CallError } from './ort-messages.ts';
import type { GraphOptimization } from './runtime.ts';
import type { Placement } from './shared-file.ts';

/** A tensor without its bytes; these are the message's buffers, in order. */
export type TensorHead = readonly [name: string, type: TensorType, dims: readonly number[]];

export type ChildCall =
  | {
      readonly kind: 'load';
      readonly model: number;
      readonly directory: string | undefined;
      readonly optimization: GraphOptimization;
    }
  | {
      readonly kind: 'run';
      readonly models: readonly number[];
      readonly feeds: readonly TensorHead[];
      readonly fetches: readonly string[];
    }
  | {
      readonly kind: 'profile';
      readonly directory: string | undefined;
      readonly feeds: readonly TensorHead[];
    }
  | { readonly kind: 'abort'; readonly run: number }
  | { readonly kind: 'release'; readonly model: number }
  | { readonly kind: 'close' };

export interface ChildRequest {
  readonly id: number;
  readonly call: ChildCall;
  /** Buffers that do not travel with the message. */
  readonly placed?: Placement | undefined;
}

/** Reply 0 comes unasked, once ONNX Runtime is there: its description, or why it is not. */
export type ChildReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: CallError };

export interface LoadedReply {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

export interface RanReply {
  readonly values: readonly TensorHead[];
  readonly stepMs: readonly number[];
}

/** Each buffer in the pieces in which it lies. */
export function packTensors(feeds: Feeds): { heads: TensorHead[]; buffers: (readonly Uint8Array[])[] } {
  const entries = Object.entries(feeds);
  return {
    heads: entries.map(([name, { type, dims }]) => [name, type, [...dims]]),
    buffers: entries.map(([, feed]) => piecesOf(feed)),
  };
}

export function unpackTensors(heads: readonly TensorHead[], buffers: readonly Uint8Array[]): Tensors {
  const entries = heads.map(([name, type, dims], i): [string, Tensor] => [
    name,
    tensorFromBytes(type, dims, buffers[i] ?? new Uint8Array()),
  ]);
  return Object.fromEntries(entries);
}

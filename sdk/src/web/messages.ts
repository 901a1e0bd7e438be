/** What a page and its session worker say to each other. Types only. */
import type { Prediction } from '../adaptive/controller.ts';
import type { ErrorCode } from '../errors.ts';
import type { Arm } from '../planner/arm.ts';
import type { CutChange, SessionStats } from '../session/journal.ts';
import type { SplitSessionOptions } from '../session/options.ts';
import type { ValueMetadata } from '../session/split-session.ts';
import type { Trace } from '../session/trace.ts';
import type { FetchSourceOptions } from '../source/fetch.ts';
import type { Tensor } from '../tensor.ts';
import type { AssetUrls } from './assets.ts';

/** Pairs, not a record: a tensor may be called `__proto__`. */
export type NamedTensor = readonly [name: string, tensor: Tensor];

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** The first message of all. */
export interface OpenMessage {
  readonly kind: 'open';
  readonly model: { readonly bytes: Uint8Array } | ({ readonly url: string } & FetchSourceOptions);
  readonly options: SplitSessionOptions;
  readonly assets: AssetUrls;
}

export interface RunMessage {
  readonly kind: 'run';
  readonly id: number;
  readonly feeds: readonly NamedTensor[];
  readonly fetches: readonly string[];
  readonly options: RunMessageOptions;
}

export interface RunMessageOptions {
  readonly deadlineMs?: number;
  readonly inputs?: 'stay';
  readonly arm?: string;
  /** Whose file is absent is asked for when it is needed. */
  readonly images?: Readonly<Record<string, RemoteImage>>;
}

export interface RemoteImage {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly file?: Uint8Array;
}

export type ToSession =
  | OpenMessage
  | RunMessage
  | { readonly kind: 'abort'; readonly id: number }
  | { readonly kind: 'image'; readonly ask: number; readonly file: Uint8Array | WireError }
  | { readonly kind: 'release' };

/** What does not change as long as the session lives. */
export interface SessionFacts {
  readonly inputMetadata: readonly ValueMetadata[];
  readonly outputMetadata: readonly ValueMetadata[];
  readonly arms: readonly Arm[];
  readonly runtime: string;
}

/** What a session tells of itself without being waited for, as it was when the message left. */
export interface SessionState {
  readonly stats: SessionStats;
  readonly predictions: readonly Prediction[];
}

export type FromSession =
  | { readonly kind: 'opened'; readonly facts: SessionFacts; readonly state: SessionState }
  | { readonly kind: 'failed'; readonly error: WireError }
  | {
      readonly kind: 'answer';
      readonly id: number;
      readonly outputs: readonly NamedTensor[];
      readonly trace: Trace;
      readonly state: SessionState;
    }
  | { readonly kind: 'refused'; readonly id: number; readonly error: WireError; readonly state: SessionState }
  | { readonly kind: 'want-image'; readonly ask: number; readonly id: number; readonly name: string }
  | { readonly kind: 'cut-change'; readonly event: CutChange }
  | { readonly kind: 'released' };

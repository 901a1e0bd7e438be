/** Rules: how a node is to be computed by ranks that each hold a part of its weights or of what it reads. */
import type { OnnxNode } from '../onnx/graph-proto.ts';
import type { OnnxTensor } from '../onnx/tensor-proto.ts';
import type { Layout, SplitLayout } from './layout.ts';

/** What a node wants of one of its inputs. */
export type Want =
  | { readonly kind: 'whole' }
  /** Activation or weight, split along an axis. */
  | SplitLayout
  /** The first rank reads it, the others leave it out: what is to be added once to a sum over ranks. */
  | { readonly kind: 'first-rank' }
  /** A shape: whole numbers of each rank's own. */
  | { readonly kind: 'numbers'; readonly ofRank: readonly (readonly number[])[] };

export interface Decision {
  /** One for each input. */
  readonly wants: readonly Want[];
  /** Of what it makes. */
  readonly makes: Layout;
  /** Attributes that differ between ranks, a number for each rank. */
  readonly integers?: Readonly<Record<string, readonly number[]>>;
}

export interface RuleContext {
  readonly ranks: number;
  /** Partial sums count as whole: they are added up before anything else reads them. */
  layoutOf(name: string): Exclude<Layout, { readonly kind: 'partial' }>;
  /** Of a weight, or of an activation at the shapes that are fed; NaN where one is open, undefined for an unknown rank. */
  dimsOf(name: string): readonly number[] | undefined;
  /** A float32 weight whose values can be parted; undefined for all else. */
  weightOf(name: string): OnnxTensor | undefined;
  /** A weight of whole numbers, such as a shape. */
  numbersOf(name: string): readonly number[] | undefined;
  /** Whether a weight is worth parting for its own sake. */
  isLarge(weight: OnnxTensor): boolean;
}

/** Undefined: every rank computes the whole node from whole inputs. */
export type Rule = (node: OnnxNode, context: RuleContext) => Decision | undefined;

export const WHOLE_INPUT: Want = { kind: 'whole' };

export function split(axis: number, bounds: readonly number[]): SplitLayout {
  return { kind: 'split', axis, bounds };
}

/** An axis counted from the front. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** What a calibration's budget is held against: one number for an arm, from what it did to the outputs of all inputs. */
import type { Tensors } from '../tensor.ts';

/** One input, what the uncut model makes of it, and what the arm made. */
export interface MetricCase {
  readonly feeds: Tensors;
  readonly expected: Tensors;
  readonly found: Tensors;
}

/** What is measured of every arm, whatever the metric. */
export interface MeasuredChange {
  /** Relative L2 of the worst input; null where it is no number. */
  readonly error: number | null;
  /** Share of decisions that stay the same; null where the outputs hold none. */
  readonly agreement: number | null;
}

export interface Metric {
  readonly name: string;
  /** A share, 0 is no loss; null, or a number that is none, where it cannot say: a budget then refuses the arm. */
  loss(cases: readonly MetricCase[], change: MeasuredChange): number | null | Promise<number | null>;
}

export const L2_METRIC: Metric = Object.freeze({
  name: 'l2',
  loss: (_cases: readonly MetricCase[], { error }: MeasuredChange) => error,
});

export const TOP1_METRIC: Metric = Object.freeze({
  name: 'top1',
  loss: (_cases: readonly MetricCase[], { agreement }: MeasuredChange) =>
    agreement === null ? null : 1 - agreement,
});

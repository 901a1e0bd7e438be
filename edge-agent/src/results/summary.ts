/** The best class of a result, where an output looks like scores of classes: what a person wants to see of it. */
import type { Tensor } from '@cutpoint/sdk';

export interface Summary {
  readonly index: number;
  readonly score: number;
  /** From the model's labels, one a line. */
  readonly label?: string;
}

/** Of the first output, for one row of at least two scores; `undefined` for any other. */
export function summaryOf(output: Tensor | undefined, labels: readonly string[]): Summary | undefined {
  if (output === undefined) return undefined;
  const { dims, data, type } = output;
  const classes = dims.at(-1) ?? 0;
  if (type === 'float16' || data.length !== classes || classes < 2 || dims.length > 2) return undefined;
  let index = 0;
  for (let i = 1; i < classes; i++) if (Number(data[i]) > Number(data[index])) index = i;
  const label = labels[index];
  return { index, score: Number(data[index]), ...(label !== undefined && { label }) };
}

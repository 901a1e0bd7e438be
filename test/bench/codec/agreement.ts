/** How much a model's output changes when what crosses the cut is not exact. */
import type { Tensor } from '../../../sdk/src/tensor.ts';

export interface Change {
  /** Share of decisions that stay the same: classes, characters, or text pixels by intersection over union. */
  readonly agreement: number;
  readonly relativeL2: number;
}

/** Probability from which the detector's pixel is text. */
const TEXT_THRESHOLD = 0.3;

export function changeOf(exact: Tensor, approximate: Tensor): Change {
  const [a, b] = [exact.data as Float32Array, approximate.data as Float32Array];
  const agreement = exact.dims.length === 4 ? overlap(a, b) : sameChoices(a, b, exact.dims.at(-1) ?? 1);
  return { agreement, relativeL2: relativeL2(a, b) };
}

function relativeL2(a: Float32Array, b: Float32Array): number {
  let [difference, size] = [0, 0];
  for (const [index, value] of a.entries()) {
    difference += (value - (b[index] ?? 0)) ** 2;
    size += value ** 2;
  }
  return size === 0 ? Math.sqrt(difference) : Math.sqrt(difference / size);
}

function overlap(a: Float32Array, b: Float32Array): number {
  let [both, either] = [0, 0];
  for (const [index, value] of a.entries()) {
    const isText = [value > TEXT_THRESHOLD, (b[index] ?? 0) > TEXT_THRESHOLD];
    both += Number(isText[0] && isText[1]);
    either += Number(isText[0] || isText[1]);
  }
  return either === 0 ? 1 : both / either;
}

function sameChoices(a: Float32Array, b: Float32Array, classes: number): number {
  let same = 0;
  for (let from = 0; from < a.length; from += classes) {
    same += Number(largest(a.subarray(from, from + classes)) === largest(b.subarray(from, from + classes)));
  }
  return (same * classes) / a.length;
}

function largest(values: Float32Array): number {
  let best = 0;
  for (const [index, value] of values.entries()) if (value > (values[best] ?? 0)) best = index;
  return best;
}

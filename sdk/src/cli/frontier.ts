/** The frontier: how many bytes would cross at each position of the model. */
import type { SurveyedCut } from '../cut/survey.ts';

/** Bytes at positions 0 to n. Between two cuts the same tensors cross, so the earlier one's bytes hold. */
export function frontierBytes(cuts: readonly SurveyedCut[], nodeCount: number): readonly (number | null)[] {
  const known = new Map(cuts.map(({ cut }) => [cut.position, cut.bytes]));
  let latest: number | null = null;
  return Array.from({ length: nodeCount + 1 }, (_, position) => {
    const bytes = known.get(position);
    if (bytes !== undefined) latest = bytes;
    return latest;
  });
}

/** KB and MB are 10^3 and 10^6 bytes, as on the wire. */
export function sizeText(bytes: number | null): string {
  if (bytes === null) return 'an unknown size';
  if (bytes < 1000) return `${bytes} bytes`;
  const [value, unit] = bytes < 1e6 ? [bytes / 1e3, 'KB'] : [bytes / 1e6, 'MB'];
  return `${Number(value.toPrecision(3))} ${unit}`;
}

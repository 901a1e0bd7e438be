/** Parts of a model: which segments a request runs. */
import type { Cut } from '../../cut/cut.ts';
import { SplitError } from '../../errors.ts';
import type { ExecutorRequest } from './executor.ts';

/** The first segment to run, and the one after the last. Segment k lies between cut k - 1 and cut k. */
export interface Part {
  readonly first: number;
  readonly end: number;
}

/** @throws SplitError `cut-invalid` for an unknown cut, or a `to` before `from` */
export function findPart(cuts: readonly Cut[], { from, to }: Pick<ExecutorRequest, 'from' | 'to'>): Part {
  const first = from === undefined ? 0 : segmentAfter(cuts, from);
  const end = to === undefined ? cuts.length + 1 : segmentAfter(cuts, to);
  if (first <= end) return { first, end };
  throw new SplitError('cut-invalid', `a run from position ${from?.position} cannot end at ${to?.position}`);
}

/** Cuts are equal by id: the caller's may come from another copy of the plan. */
function segmentAfter(cuts: readonly Cut[], wanted: Cut): number {
  const index = cuts.findIndex((cut) => cut.id === wanted.id);
  if (index >= 0) return index + 1;
  throw new SplitError(
    'cut-invalid',
    `cut ${wanted.id} (${wanted.name}) is not one of ${cuts.length} that are here`,
  );
}

/** Cuts of an executor lie inside the model, by rising position. @throws SplitError `cut-invalid` */
export function checkCuts(cuts: readonly Cut[], segmentCount: number = cuts.length + 1): readonly Cut[] {
  if (cuts.length !== segmentCount - 1) {
    throw new SplitError(
      'cut-invalid',
      `${segmentCount} segments have ${segmentCount - 1} cuts, not ${cuts.length}`,
    );
  }
  for (const [index, { position }] of cuts.entries()) {
    const before = cuts[index - 1]?.position;
    if (before !== undefined && position <= before)
      throw new SplitError('cut-invalid', `cut at position ${position} follows one at ${before}`);
  }
  return [...cuts];
}

/** Keeps the sum above 0, whatever was measured. */
const LEAST_SHARE = 1e-6;

/** The time of one run of several segments, parted in proportion to their `shares`; of the others it is 0. */
export function apportion(
  totalMs: number,
  shares: readonly number[],
  hasRun: (segment: number) => boolean,
): number[] {
  const ran = shares.map((share, segment) => (hasRun(segment) ? Math.max(share, LEAST_SHARE) : 0));
  const sum = ran.reduce((total, share) => total + share, 0);
  return ran.map((share) => (sum > 0 ? (totalMs * share) / sum : 0));
}

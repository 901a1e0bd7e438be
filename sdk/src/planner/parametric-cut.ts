/**
 * The best cut for every bandwidth at once. A head costs a + s·x on a link of x milliseconds per byte, so the best heads
 * over all x are the lower envelope of lines, found block by
 * block with minimum cuts.
 */
import { blockClosure } from './block-closure.ts';
import { blockContext } from './block-context.ts';
import { closureEnvelope } from './closure-envelope.ts';
import { cutBlocks } from './cut-blocks.ts';
import { type CutProblem, checkCutProblem, type HeadMask, headLine, isAllowedHead } from './cut-problem.ts';
import { type Line, lowerEnvelope, type XRange } from './envelope.ts';

/** A head that is best on a range of bandwidths. */
export interface CutInterval extends XRange, Line {
  /** Of equally good heads the smallest, which lies within all the others: least work for the device. */
  readonly headSet: HeadMask;
}

/**
 * Best heads by rising x, so from the fastest link to the slowest; they adjoin and cover the range. Empty where the pins
 * and the tensors that must stay allow no head. Costs that differ by less than 2^-49 of all costs together, for each
 * node and tensor, count as equal.
 * @throws SplitError `options-invalid`
 */
export function parametricCut(problem: CutProblem, range: XRange): readonly CutInterval[] {
  checkCutProblem(problem);
  const context = blockContext(problem);
  const whole = new Uint8Array(problem.edgeMs.length).fill(1);
  const wholeMs = isAllowedHead(problem, whole) ? headLine(problem, whole).fixedMs : Number.POSITIVE_INFINITY;
  const candidates: Candidate[] = [];
  for (const block of cutBlocks(problem)) {
    const found = blockClosure(context, block);
    if (!found) continue;
    for (const { chosen, line } of closureEnvelope(found.closure, { range, mostMs: wholeMs }))
      candidates.push({ line, head: () => found.headOf(chosen) });
  }
  if (wholeMs < Number.POSITIVE_INFINITY)
    candidates.push({ line: { fixedMs: wholeMs, bytes: 0 }, head: () => whole });
  const lines = candidates.map(({ line }) => line);
  return lowerEnvelope(lines, range).flatMap(({ index, fromX, toX }) => {
    const headSet = candidates[index]?.head();
    return headSet ? [{ fromX, toX, ...headLine(problem, headSet), headSet }] : [];
  });
}

/** A head that may be best somewhere; the mask is made when it is. */
interface Candidate {
  readonly line: Line;
  head(): HeadMask;
}

/** The best head on one link. Undefined where none is allowed. */
export function minimumCut(
  problem: CutProblem,
  x: number,
): (Line & { readonly headSet: HeadMask }) | undefined {
  const [first] = parametricCut(problem, { fromX: x, toX: x * (1 + Number.EPSILON) + Number.MIN_VALUE });
  return first;
}

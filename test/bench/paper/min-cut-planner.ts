/**
 * DADS (INFOCOM 2019), light load: the minimum cut of the graph at one bandwidth, costs being sums of the nodes' times.
 * The cut is exact; what it minimises does not know what fusion saves.
 */
import type { CutProblem } from '../../../sdk/src/planner/cut-problem.ts';
import { lineAt } from '../../../sdk/src/planner/envelope.ts';
import { minimumCut } from '../../../sdk/src/planner/parametric-cut.ts';
import type { BaselinePick } from './chain-planner.ts';

/** The best head on one link of `x` milliseconds per byte. Undefined where the problem allows none. */
export function minCutPick(problem: CutProblem, x: number): BaselinePick | undefined {
  const found = minimumCut(problem, x);
  return found && { headSet: found.headSet, believedMs: lineAt(found, x) };
}

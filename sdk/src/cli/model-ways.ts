/** The arms of several cuts that a plan of a model has, by the cuts that may be in them. */
import { bytesAsMade } from '../cut/make-cut.ts';
import { type CutWaysRequest, cutWays } from '../planner/cut-ways.ts';
import type { CutWay } from '../planner/way-arms.ts';
import type { SplitModel } from '../session/open-model.ts';

export type WayRules = Pick<CutWaysRequest, 'outputs' | 'stages'>;

/** @param ids of the cuts */
export function modelWays(
  { cuts: all, sizedTypes }: SplitModel,
  ids: ReadonlySet<string>,
  rules: WayRules,
): readonly CutWay[] {
  const cuts = all.filter(({ id }) => ids.has(id)).toSorted((a, b) => a.position - b.position);
  const [inputCut] = all;
  const sizeOf = (name: string) => {
    const type = sizedTypes.get(name);
    return (type && bytesAsMade(type)) ?? 0;
  };
  return inputCut ? cutWays({ inputCut, cuts, sizeOf, ...rules }) : [];
}

/** Where a request may change machines more than twice: the same choices of cuts that sessions have, as a plan counts them. */
import type { Cut } from '../cut/cut.ts';
import { type ArmRules, allowedArms } from './arm.ts';
import type { CutWay } from './way-arms.ts';

export interface CutWaysRequest extends Pick<ArmRules, 'outputs' | 'stages'> {
  readonly inputCut: Cut;
  /** By ascending position. */
  readonly cuts: readonly Cut[];
  /** Bytes of a tensor by its name, as it leaves the head; 0 where that is open. */
  sizeOf(name: string): number;
}

/** None for one gateway that makes the outputs: that is an arm of one cut. */
export function cutWays({ inputCut, cuts, sizeOf, ...rules }: CutWaysRequest): readonly CutWay[] {
  // What may not leave is ruled out in the plan, by its reason; so all compete here, in one profile as good as any.
  const arms = allowedArms(inputCut, cuts, {
    ...rules,
    profiles: ['float32+deflate'],
    inputs: 'may-leave',
    minDepth: 0,
  });
  return arms.flatMap((arm) => {
    if (arm.kind === 'device' || (arm.via === undefined && arm.to === undefined)) return [];
    const { cut, via = [], to } = arm;
    return [
      {
        from: cut.position === 0 ? null : cut.id,
        via: via.map(({ id }) => id),
        ...(to && { to: to.id, shareBack: shareOf(to, cut, sizeOf) }),
      },
    ];
  });
}

/** What crosses both cuts the device has already: it is not sent back. */
function shareOf(to: Cut, cut: Cut, sizeOf: CutWaysRequest['sizeOf']): number {
  const here = new Set(cut.tensors.map(({ name }) => name));
  const bytes = (one: Cut['tensors']) => one.reduce((sum, { name }) => sum + sizeOf(name), 0);
  const all = bytes(to.tensors);
  return all === 0 ? 1 : bytes(to.tensors.filter(({ name }) => !here.has(name))) / all;
}

/**
 * A bandit on total times, after muLinUCB of ANS (WWW 2021): what a request took beyond the device's planned time is taken
 * to be linear in what is sent and done elsewhere; optimism explores, and now and then sending is forced. It forgets
 * nothing and sees no stages, which is what the controller is there to be better than.
 */
import { onDeviceMs } from '../planner/cost-model.ts';
import type { PolicyMaker } from './policy.ts';
import type { PlayedArm } from './simulated-plan.ts';

type Vector = readonly number[];

const OPTIMISM = 50;
// Of the first n requests about n^(1 - FORCED) are forced.
const FORCED = 0.25;

export const linUcb: PolicyMaker = (arms) => {
  let inverse: number[][] = FEATURES.map((_, i) => FEATURES.map((__, j) => (i === j ? 1 : 0)));
  let sums: number[] = FEATURES.map(() => 0);
  let requests = 0;
  let forced = 0;
  const sending = arms.filter(({ arm }) => arm.kind === 'split');
  const bound = (one: PlayedArm) => {
    if (one.arm.kind === 'device') return one.cost.headMs;
    const x = features(one);
    const theta = times(inverse, sums);
    return hereMs(one) + dot(theta, x) - OPTIMISM * Math.sqrt(Math.max(0, dot(x, times(inverse, x))));
  };
  const least = (list: readonly PlayedArm[]) => list.reduce((a, b) => (bound(b) < bound(a) ? b : a));
  return {
    name: 'muLinUCB',
    decide() {
      requests++;
      const isForced = requests ** (1 - FORCED) > forced + 1 && sending.length > 0;
      const chosen = least(isForced ? sending : arms);
      if (isForced && chosen.arm.kind === 'split') forced++;
      return chosen;
    },
    observe({ arm }, totalMs) {
      const one = arms.find((each) => each.arm.id === arm.id);
      if (!one || arm.kind === 'device') return;
      const x = features(one);
      inverse = withSample(inverse, x);
      sums = sums.map((sum, i) => sum + (x[i] ?? 0) * (totalMs - hereMs(one)));
    },
  };
};

const FEATURES = [
  () => 1,
  ({ cost }: PlayedArm) => cost.sentBytes / 10_000,
  ({ cost }: PlayedArm) => cost.tailMs / 10,
];
const features = (one: PlayedArm): Vector => FEATURES.map((feature) => feature(one));
const hereMs = ({ cost }: PlayedArm) => onDeviceMs(cost);

function dot(a: Vector, b: Vector): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

function times(matrix: readonly Vector[], vector: Vector): number[] {
  return matrix.map((row) => dot(row, vector));
}

/** Sherman and Morrison: the inverse after one more sample. */
function withSample(inverse: readonly Vector[], x: Vector): number[][] {
  const ax = times(inverse, x);
  const share = 1 + dot(x, ax);
  return inverse.map((row, i) => row.map((value, j) => value - ((ax[i] ?? 0) * (ax[j] ?? 0)) / share));
}

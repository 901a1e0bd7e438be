/** The noise stage of a session: what crosses a cut leaves with noise, and only what leaves. Loaded where a session has one. */
import { withNoise } from '../leakage/noise.ts';
import type { SplitArm } from '../planner/arm.ts';
import type { FrontierValues } from './frontier-frames.ts';

export interface NoiseStage {
  /** Standard deviation of the noise, as a share of that of each tensor's own values. */
  readonly level: number;
  /** Whether noise can be put over all that the arm sends: nothing goes without. A picture's file cannot have it. */
  covers(arm: SplitArm): boolean;
  /**
   * What is sent for what a head made. Who asks again for the same gets the same: the noise of two tries would have
   * a smaller mean.
   */
  over(made: FrontierValues, arm: SplitArm): FrontierValues;
}

/** @param random uniform numbers in [0, 1) that nobody can guess */
export function createNoiseStage(level: number, random: () => number): NoiseStage {
  const known = new WeakMap<FrontierValues, FrontierValues>();
  return {
    level,
    covers: ({ cut, profile }) => profile !== 'image' && cut.tensors.every(({ type }) => type === 'float32'),
    over(made, { cut }) {
      const before = known.get(made);
      if (before) return before;
      const noisy = cut.tensors.flatMap(({ name }) => {
        const tensor = made.values[name];
        return tensor ? [[name, withNoise(tensor, level, random)] as const] : [];
      });
      const sent = { values: Object.fromEntries(noisy) };
      known.set(made, sent);
      return sent;
    },
  };
}

/** Many at a time: one by one they would take longer than the model. */
const NUMBERS = 1 << 14;

/** Uniform numbers in [0, 1) from the platform's cryptographic source. */
export function secureRandom(): () => number {
  const numbers = new Uint32Array(NUMBERS);
  let left = 0;
  return () => {
    if (left === 0) {
      crypto.getRandomValues(numbers);
      left = NUMBERS;
    }
    left -= 1;
    return (numbers[left] as number) / 2 ** 32;
  };
}

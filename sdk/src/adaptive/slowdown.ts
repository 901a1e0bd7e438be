/**
 * How many times slower than measured a machine is now. Quick to follow, and what nothing confirms any more fades back
 * to 1: who believes for ever that the device is slow sends everything away and never sees that it has recovered.
 */
import { createAverage } from './average.ts';

export interface Slowdown {
  readonly value: number;
  /** A stage that took `shownMs`, and would take `knownMs` on the machine as it was measured. */
  push(stage: { readonly shownMs: number; readonly knownMs: number }): void;
  /** A request went by that said nothing of this machine. */
  fade(): void;
}

// What differs by more than noise is followed at once, noise is averaged out.
const FOLLOW = 0.8;
const NOISE = 0.15;
const NOISE_SHARE = 0.2;
// A stage as short as this weighs half: timers and other programs blur it.
const BLUR_MS = 3;
// Half of what is above 1 fades in so many requests; each time it proves wrong, in twice as many.
const FIRST_HALF_LIFE = 4;
const LAST_HALF_LIFE = 64;
// Above this a machine counts as slow, below as recovered.
const SLOW = 1.3;

export function createSlowdown(): Slowdown {
  const average = createAverage(FOLLOW, 1);
  let halfLife = FIRST_HALF_LIFE;
  let hasFaded = false;
  const faded = (value: number, share: number) => 1 + (value - 1) * 2 ** (-share / halfLife);
  return {
    get value() {
      return average.value ?? 1;
    },
    push({ shownMs, knownMs }) {
      if (knownMs <= 0) return;
      const ratio = shownMs / knownMs;
      const share = knownMs / (knownMs + BLUR_MS);
      if (ratio > SLOW && hasFaded) halfLife = Math.min(LAST_HALF_LIFE, 2 * halfLife);
      if (ratio < SLOW && share > 0.8) halfLife = FIRST_HALF_LIFE;
      hasFaded = false;
      const isNoise = Math.abs(Math.log(ratio / this.value)) < NOISE;
      average.push(ratio, isNoise ? share * NOISE_SHARE : share);
      // What a short stage does not confirm fades too: else a small error that it cannot show would stay for ever.
      average.set(faded(this.value, 1 - share));
    },
    fade() {
      hasFaded = true;
      average.set(faded(this.value, 1));
    },
  };
}

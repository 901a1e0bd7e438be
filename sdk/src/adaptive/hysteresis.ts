/**
 * Whether a better arm is worth moving to: what it saves, times how long it will be used, against what moving costs.
 * On a link that does not move, noise makes short stays, short stays make moving dear, and the moving stops.
 */
import { createAverage } from './average.ts';

export interface Hysteresis {
  /** @param saving share of the present time that the better arm saves */
  isWorthIt(saving: number): boolean;
  /** A request went by with the same arm, or was the first with another. */
  count(hasMoved: boolean): void;
}

// Moving costs this share of one request: it is written nowhere in the model and covers what is not known.
const SWITCH_COST = 0.06;
const LONGEST_STAY = 40;

export function createHysteresis(): Hysteresis {
  const stays = createAverage(0.3, 10);
  let stay = 0;
  return {
    // A stay that is already long says that the present one is not one of the short ones.
    isWorthIt: (saving) => saving * Math.min(LONGEST_STAY, Math.max(stays.value ?? 1, stay)) > SWITCH_COST,
    count(hasMoved) {
      if (hasMoved) stays.push(Math.min(stay, LONGEST_STAY));
      stay = hasMoved ? 1 : stay + 1;
    },
  };
}

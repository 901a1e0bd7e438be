/** How long to wait for an answer before the device goes on by itself. */

// An answer may take this much longer than predicted before anything is thought wrong.
const TOLERANCE = 1.3;
// And this share of what the device still has to do: giving up a little too late costs less than giving up in vain.
const STAKE = 0.15;

/**
 * As with renting or buying skis: whoever gives up once the waiting has cost a fair share of what giving up costs is never
 * much worse than one who knew.
 * @param awayMs predicted, from the first byte sent to the answer
 * @param restMs that the device needs to finish by itself
 */
export function giveUpAfterMs(awayMs: number, restMs: number): number {
  return TOLERANCE * awayMs + STAKE * restMs;
}

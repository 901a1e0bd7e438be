/**
 * The best set of a closure problem between two others, and when all best sets lie so. Divide the cost by x: bytes stay
 * as they are, and only the milliseconds of items shrink as the link gets slower. Where none of them is negative, taking
 * more can only become better, so the best sets grow with x (Gallo, Grigoriadis and Tarjan): one of the best at x lies
 * between any best set of a faster link and any of a slower one. The proof needs no minimum cut of the whole.
 */
import { addSavers, type Closure, closureLine, weighItems } from './closure.ts';
import type { Line } from './envelope.ts';
import { createClosureFlow } from './max-flow.ts';
import { type Settled, smallerClosure } from './smaller-closure.ts';

/** A set of items that may be the best for some x, with its line. */
export interface ClosureSet {
  readonly chosen: Uint8Array;
  readonly line: Line;
}

export interface SetBetween extends ClosureSet {
  /** How much rounding may have moved the costs of two sets apart. */
  readonly noiseMs: number;
}

/** Whether the best sets of faster links lie within those of slower ones. */
export function isNested({ fixedMs }: Closure): boolean {
  return fixedMs.every((ms) => ms >= 0);
}

/** Items that both sets hold are taken, and those that one of them holds are possible. */
export function between(one: Uint8Array, other: Uint8Array): Settled {
  const taken = new Uint8Array(one.length);
  const possible = new Uint8Array(one.length);
  for (let item = 0; item < one.length; item++) {
    taken[item] = (one[item] as number) & (other[item] as number);
    possible[item] = (one[item] as number) | (other[item] as number);
  }
  return { taken, possible };
}

/**
 * The set of least cost at x that takes what is settled, and of several the smallest. Undefined where nothing is left
 * to choose.
 * @param capMs a tensor is never taken to cost more than this
 */
export function bestBetween(
  whole: Closure,
  settled: Settled,
  { x, capMs }: { readonly x: number; readonly capMs: number },
): SetBetween | undefined {
  const { closure, items } = smallerClosure(whole, settled);
  if (items.length === 0) return undefined;
  const { weights, unitMs } = weighItems(closure, x, capMs);
  const flow = new Float64Array(closure.rules.from.length);
  const part = createClosureFlow(closure.rules).solve({ weights, flow, tolerance: items.length });
  addSavers(closure, part);
  const chosen = settled.taken.slice();
  for (let at = 0; at < items.length; at++) chosen[items[at] as number] = part[at] as number;
  return { chosen, line: closureLine(closure, part), noiseMs: 2 * items.length * unitMs };
}

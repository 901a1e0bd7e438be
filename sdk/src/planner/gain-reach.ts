/** What a maximum flow says: the items that an unspent gain reaches are the smallest set of least weight. */
import type { Incidence } from './incidence.ts';

export interface EndOfFlow {
  /** Gain not yet spent where negative, cost not yet paid where positive. */
  readonly excess: Float64Array;
  /** Amount along each rule. */
  readonly flow: Float64Array;
  /** Gains and amounts up to this count as none. */
  readonly tolerance: number;
}

/** 1 for each item of the set. It keeps the rules: whoever is reached, reaches what it needs. */
export function reachedByGains(
  { first, middle, neighbour, rule }: Incidence,
  { excess, flow, tolerance }: EndOfFlow,
): Uint8Array {
  const items = excess.length;
  const reached = new Uint8Array(items);
  const queue = new Int32Array(items);
  let filled = 0;
  for (let item = 0; item < items; item++) {
    if ((excess[item] as number) >= -tolerance) continue;
    reached[item] = 1;
    queue[filled++] = item;
  }
  for (let taken = 0; taken < filled; taken++) {
    const item = queue[taken] as number;
    const end = first[item + 1] as number;
    for (let at = first[item] as number; at < end; at++) {
      const other = neighbour[at] as number;
      if (reached[other] === 1) continue;
      // Rules into the item lead back only where there is flow.
      if (at < (middle[item] as number) && (flow[rule[at] as number] as number) <= tolerance) continue;
      reached[other] = 1;
      queue[filled++] = other;
    }
  }
  return reached;
}

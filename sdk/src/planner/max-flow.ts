/**
 * Maximum flow in the network of a closure problem: items that cost or gain, and rules "who takes u must take v".
 * Highest-label push-relabel on typed arrays, which can go on from the flow of a similar problem.
 */
import { reachedByGains } from './gain-reach.ts';
import { type ClosureRules, incidence } from './incidence.ts';

export interface ClosureFlow {
  /** The set of least total weight that keeps the rules; of several the smallest, which lies within all the others. */
  solve(task: ClosureTask): Uint8Array;
  /** The same where that set is lighter than `known` by more than the tolerance; undefined, and sooner, where not. */
  solveBelow(known: number, task: ClosureTask): Uint8Array | undefined;
  /** The same as `solve` where `task.flow` is maximal but for amounts up to the tolerance, which are left as they are. */
  finish(task: ClosureTask): Uint8Array;
}

export interface ClosureTask {
  /** Whole numbers whose magnitudes sum to at most 2^52, so that every sum is exact. */
  readonly weights: Float64Array;
  /**
   * Amount along each rule, whole and not negative: where to start from, and afterwards where it ended. A flow of other
   * weights is as good a start as zeros, and the better the closer those weights.
   */
  readonly flow: Float64Array;
  /** Gains up to this count as none. */
  readonly tolerance: number;
}

/**
 * A gain sits at items of negative weight, a cost at items of positive weight. Flow pays costs from gains along the
 * rules, without limit; what can be taken back of it is its amount. Costs are pushed towards gains, not the other way
 * round: then the items that still reach an unspent gain are the smallest of all minimum cuts.
 */
export function createClosureFlow(closureRules: ClosureRules): ClosureFlow {
  const { items, from, to } = closureRules;
  const rules = from.length;
  const lists = incidence(closureRules);
  const { first, middle, neighbour, rule } = lists;
  /** Cost not yet paid where positive, gain not yet spent where negative. */
  const excess = new Float64Array(items);
  /** At most the number of steps to an unspent gain; `items + 1` where there is none. */
  const label = new Int32Array(items);
  const current = new Int32Array(items);
  const queue = new Int32Array(items);
  const bucketHead = new Int32Array(items + 2);
  const bucketNext = new Int32Array(items);
  // All items of a label, as a list linked both ways.
  const levelHead = new Int32Array(items + 2);
  const levelNext = new Int32Array(items);
  const levelBefore = new Int32Array(items);
  const unreachable = items + 1;
  let highest = 0;
  /** No label is greater. */
  let top = 0;
  /** All gains that are left. In an array, because engines box a captured variable that holds a fraction. */
  const unspent = new Float64Array(1);

  function solve(task: ClosureTask): Uint8Array {
    return solveBelow(Number.POSITIVE_INFINITY, task) ?? new Uint8Array(items);
  }

  function solveBelow(known: number, { weights, flow, tolerance }: ClosureTask): Uint8Array | undefined {
    start(weights, flow);
    // No set weighs less than all unspent gains together.
    const enough = -known + tolerance;
    while ((unspent[0] as number) > enough && relabelAll(flow, 0) > 0) pushAll(flow, enough);
    return (unspent[0] as number) > enough ? reachedByGains(lists, { excess, flow, tolerance }) : undefined;
  }

  function finish({ weights, flow, tolerance }: ClosureTask): Uint8Array {
    start(weights, flow);
    while (relabelAll(flow, tolerance) > 0) pushAll(flow, 0);
    return reachedByGains(lists, { excess, flow, tolerance });
  }

  function start(weights: Float64Array, flow: Float64Array): void {
    excess.set(weights);
    for (let k = 0; k < rules; k++) {
      const amount = flow[k] as number;
      if (amount === 0) continue;
      (excess[from[k] as number] as number) += amount;
      (excess[to[k] as number] as number) -= amount;
    }
    let gains = 0;
    for (let item = 0; item < items; item++) gains += Math.max(0, -(excess[item] as number));
    unspent[0] = gains;
  }

  /** Exact labels by breadth-first search from gains over `least`. Gives the number of costs over it that can reach one. */
  function relabelAll(flow: Float64Array, least: number): number {
    label.fill(unreachable);
    levelHead.fill(-1);
    bucketHead.fill(-1);
    let filled = 0;
    for (let item = 0; item < items; item++) {
      if ((excess[item] as number) >= -least) continue;
      label[item] = 1;
      queue[filled++] = item;
    }
    let active = 0;
    highest = 0;
    top = 0;
    for (let taken = 0; taken < filled; taken++) {
      const item = queue[taken] as number;
      const next = (label[item] as number) + 1;
      enter(item, next - 1);
      top = next - 1;
      current[item] = first[item] as number;
      if ((excess[item] as number) > least) {
        active++;
        activate(item);
      }
      const end = first[item + 1] as number;
      for (let at = first[item] as number; at < end; at++) {
        const other = neighbour[at] as number;
        if (label[other] !== unreachable) continue;
        // Rules into the item give back at most their flow; rules out of it have no limit.
        if (at < (middle[item] as number) && flow[rule[at] as number] === 0) continue;
        label[other] = next;
        queue[filled++] = other;
      }
    }
    return active;
  }

  function activate(item: number): void {
    const at = label[item] as number;
    bucketNext[item] = bucketHead[at] as number;
    bucketHead[at] = item;
    if (at > highest) highest = at;
  }

  /** Pushes from the highest labels down until no cost is active, or until labels have grown stale. */
  function pushAll(flow: Float64Array, enough: number): void {
    let budget = 3 * items + 2 * rules;
    while (highest > 0 && (unspent[0] as number) > enough) {
      const item = bucketHead[highest] as number;
      if (item < 0) {
        highest--;
        continue;
      }
      bucketHead[highest] = bucketNext[item] as number;
      // Left behind by a gap: it can no longer reach a gain.
      if (label[item] !== highest) continue;
      budget -= discharge(item, flow);
      if (budget < 0) return;
    }
  }

  /** Pushes the item's excess to neighbours one step closer to a gain, relabelling as needed. Gives the work done. */
  function discharge(item: number, flow: Float64Array): number {
    const limited = middle[item] as number;
    const end = first[item + 1] as number;
    let work = 0;
    let rest = excess[item] as number;
    for (;;) {
      const wanted = (label[item] as number) - 1;
      const begin = current[item] as number;
      let at = begin;
      for (; rest > 0 && at < end; at++) {
        const other = neighbour[at] as number;
        if (label[other] !== wanted) continue;
        const k = rule[at] as number;
        const room = flow[k] as number;
        // The first part are rules into the item, whose costs travel without limit; those after give back their flow.
        const amount = at < limited || room > rest ? rest : room;
        if (amount === 0) continue;
        flow[k] = at < limited ? room + amount : room - amount;
        rest -= amount;
        receive(other, amount);
      }
      work += at - begin + 1;
      if (rest === 0) {
        current[item] = Math.max(begin, at - 1);
        break;
      }
      work += end - (first[item] as number);
      if (!relabel(item, flow)) break;
    }
    excess[item] = rest;
    return work;
  }

  function receive(item: number, amount: number): void {
    const before = excess[item] as number;
    const after = before + amount;
    excess[item] = after;
    if (before < 0) (unspent[0] as number) -= after < 0 ? amount : -before;
    if (before <= 0 && after > 0) activate(item);
  }

  /** Raises the label to one above the lowest neighbour. Gives whether a gain can still be reached. */
  function relabel(item: number, flow: Float64Array): boolean {
    let lowest = unreachable;
    const limited = middle[item] as number;
    const end = first[item + 1] as number;
    for (let at = first[item] as number; at < end; at++) {
      const candidate = label[neighbour[at] as number] as number;
      if (candidate >= lowest || (at >= limited && flow[rule[at] as number] === 0)) continue;
      lowest = candidate;
      // Neighbours before this one are higher: the next push can begin here.
      current[item] = at;
    }
    const old = label[item] as number;
    leave(item, old);
    const isGap = (levelHead[old] as number) < 0;
    if (isGap) raiseAbove(old);
    if (isGap || lowest >= unreachable - 1) {
      label[item] = unreachable;
      return false;
    }
    label[item] = lowest + 1;
    enter(item, lowest + 1);
    if (lowest + 1 > top) top = lowest + 1;
    return true;
  }

  // No item has this label any more: those above it are cut off from all gains.
  function raiseAbove(gap: number): void {
    for (let at = gap + 1; at <= top; at++) {
      for (let item = levelHead[at] as number; item >= 0; item = levelNext[item] as number)
        label[item] = unreachable;
      levelHead[at] = -1;
    }
    top = gap;
  }

  function enter(item: number, level: number): void {
    const after = levelHead[level] as number;
    levelNext[item] = after;
    levelBefore[item] = -1;
    if (after >= 0) levelBefore[after] = item;
    levelHead[level] = item;
  }

  function leave(item: number, level: number): void {
    const before = levelBefore[item] as number;
    const after = levelNext[item] as number;
    if (before >= 0) levelNext[before] = after;
    else levelHead[level] = after;
    if (after >= 0) levelBefore[after] = before;
  }

  return { solve, solveBelow, finish };
}

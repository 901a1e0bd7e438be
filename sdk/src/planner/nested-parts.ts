/**
 * A closure problem in parts whose best sets are nested. Only items that save milliseconds of themselves break the nesting:
 * mostly one, the node whose output has to travel back from the cloud. A set either has such an item, and with it all that
 * it needs, or lacks it and all that need it: two smaller problems, in which it is settled.
 */
import type { Closure } from './closure.ts';
import { type Incidence, incidence } from './incidence.ts';
import { type Settled, smallerClosure } from './smaller-closure.ts';

export interface ClosurePart {
  readonly closure: Closure;
  /** The set of the whole problem that a set of this part stands for. */
  wholeOf(chosen: Uint8Array): Uint8Array;
}

/** Each such item can double the work: with more of them, proofs by minimum cuts of the whole are cheaper. */
const MOST_SAVING_ITEMS = 3;

/**
 * Every set of the problem is one of exactly one part. Of sets that cost the same, the smallest is in the earliest part.
 * With too many items that break the nesting, the problem itself is the only part.
 */
export function nestedParts(closure: Closure): readonly ClosurePart[] {
  const saving = [...closure.fixedMs.keys()].filter((item) => (closure.fixedMs[item] as number) < 0);
  const [item] = saving;
  if (item === undefined || saving.length > MOST_SAVING_ITEMS)
    return [{ closure, wholeOf: (chosen) => chosen }];
  return bothWays(closure, item).flatMap((settled) => {
    const outer = partOf(closure, settled);
    return nestedParts(outer.closure).map((inner) => ({
      closure: inner.closure,
      wholeOf: (chosen: Uint8Array) => outer.wholeOf(inner.wholeOf(chosen)),
    }));
  });
}

/** Sets without the item, then sets with it. */
function bothWays({ rules }: Closure, item: number): readonly Settled[] {
  const lists = incidence(rules);
  const needing = reach(item, rules.items, (at) => neighbours(lists, lists.first, lists.middle, at));
  const needed = reach(item, rules.items, (at) =>
    neighbours(lists, lists.middle, lists.first.subarray(1), at),
  );
  return [
    { taken: new Uint8Array(rules.items), possible: needing.map((flag) => 1 - flag) },
    { taken: needed, possible: new Uint8Array(rules.items).fill(1) },
  ];
}

function neighbours({ neighbour }: Incidence, from: Int32Array, to: Int32Array, item: number): Int32Array {
  return neighbour.subarray(from[item], to[item]);
}

/** 1 for the item and all that steps lead to from it. */
function reach(item: number, items: number, step: (item: number) => Int32Array): Uint8Array {
  const reached = new Uint8Array(items);
  reached[item] = 1;
  const open = [item];
  for (let at = open.pop(); at !== undefined; at = open.pop())
    for (const other of step(at)) {
      if (reached[other] === 1) continue;
      reached[other] = 1;
      open.push(other);
    }
  return reached;
}

function partOf(whole: Closure, settled: Settled): ClosurePart {
  const { closure, items } = smallerClosure(whole, settled);
  return {
    closure,
    wholeOf: (chosen) => {
      const set = settled.taken.slice();
      for (let at = 0; at < items.length; at++) set[items[at] as number] = chosen[at] as number;
      return set;
    },
  };
}

/** A closure problem with some items settled: what is left is a smaller problem of the same kind. */
import { type Closure, closureLine } from './closure.ts';

export interface Settled {
  /** 1 for items that are taken. They keep the rules. */
  readonly taken: Uint8Array;
  /** 1 for items that may be taken; those taken among them. They keep the rules. */
  readonly possible: Uint8Array;
}

export interface SmallerClosure {
  readonly closure: Closure;
  /** For each item that is left, its place in the larger problem. */
  readonly items: Int32Array;
}

export function smallerClosure(closure: Closure, { taken, possible }: Settled): SmallerClosure {
  const { fixedMs, isSaver } = closure;
  const items = indicesOf(fixedMs.length, (item) => possible[item] === 1 && taken[item] === 0);
  const place = new Int32Array(fixedMs.length).fill(-1);
  for (let at = 0; at < items.length; at++) place[items[at] as number] = at;
  return {
    closure: {
      rules: rulesWithin(closure, place, items.length),
      base: closureLine(closure, taken),
      fixedMs: Float64Array.from(items, (item) => fixedMs[item] as number),
      isSaver: Uint8Array.from(items, (item) => isSaver[item] as number),
      charges: chargesWithin(closure, place),
    },
    items,
  };
}

// Rules to settled items are kept already, and none leads from an item to one that is out.
function rulesWithin({ rules }: Closure, place: Int32Array, items: number): Closure['rules'] {
  const { from, to } = rules;
  const isKept = (k: number) =>
    (place[from[k] as number] as number) >= 0 && (place[to[k] as number] as number) >= 0;
  const kept = indicesOf(from.length, isKept);
  return {
    items,
    from: kept.map((k) => place[from[k] as number] as number),
    to: kept.map((k) => place[to[k] as number] as number),
  };
}

function chargesWithin({ charges }: Closure, place: Int32Array): Closure['charges'] {
  const { bytes, payer, saver } = charges;
  const placeOf = (item: number) => (item < 0 ? -1 : (place[item] as number));
  const kept = indicesOf(
    bytes.length,
    (i) => placeOf(payer[i] as number) >= 0 || placeOf(saver[i] as number) >= 0,
  );
  return {
    bytes: Float64Array.from(kept, (i) => bytes[i] as number),
    payer: kept.map((i) => placeOf(payer[i] as number)),
    saver: kept.map((i) => placeOf(saver[i] as number)),
  };
}

/** The numbers below `count` that pass, ascending. */
function indicesOf(count: number, passes: (index: number) => boolean): Int32Array {
  const found = new Int32Array(count);
  let filled = 0;
  for (let index = 0; index < count; index++) if (passes(index)) found[filled++] = index;
  return found.slice(0, filled);
}

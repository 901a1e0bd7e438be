/** Rules of a closure problem, and for each item the rules that it is part of. */

/** Rule k: whoever takes item `from[k]` must take item `to[k]`. */
export interface ClosureRules {
  readonly items: number;
  readonly from: Int32Array;
  readonly to: Int32Array;
}

/** Entries `first[i]` to `first[i + 1]` are those of item i; before `middle[i]` are rules into it, after it rules out of it. */
export interface Incidence {
  readonly first: Int32Array;
  readonly middle: Int32Array;
  /** The item at the other end, and the rule. */
  readonly neighbour: Int32Array;
  readonly rule: Int32Array;
}

export function incidence({ items, from, to }: ClosureRules): Incidence {
  const rules = from.length;
  const start = new Int32Array(items + 1);
  const middle = new Int32Array(items);
  for (let k = 0; k < rules; k++) {
    (start[(from[k] as number) + 1] as number)++;
    (start[(to[k] as number) + 1] as number)++;
    (middle[to[k] as number] as number)++;
  }
  for (let item = 0; item < items; item++) {
    (start[item + 1] as number) += start[item] as number;
    (middle[item] as number) += start[item] as number;
  }
  const neighbour = new Int32Array(2 * rules);
  const rule = new Int32Array(2 * rules);
  const nextIn = start.slice(0, items);
  const nextOut = middle.slice();
  for (let k = 0; k < rules; k++) {
    const inward = (nextIn[to[k] as number] as number)++;
    neighbour[inward] = from[k] as number;
    rule[inward] = k;
    const outward = (nextOut[from[k] as number] as number)++;
    neighbour[outward] = to[k] as number;
    rule[outward] = k;
  }
  return { first: start, middle, neighbour, rule };
}

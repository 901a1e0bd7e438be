/** A moving average that forgets: each new value weighs `weight`, all earlier ones share the rest. */

export interface Average {
  /** The initial value, or `undefined`, until the first push. */
  readonly value: number | undefined;
  /** @param share of the weight that this value deserves, 0 to 1. @default 1 */
  push(value: number, share?: number): void;
  /** Forgets all that was, and begins again with this. */
  set(value: number): void;
}

/**
 * @param weight of the newest value, between 0 and 1: 0.5 follows in two or three values, 0.1 in twenty.
 * @param initial counts as if it had been pushed; without it the first value stands alone
 */
export function createAverage(weight: number, initial?: number): Average {
  let current = initial;
  return {
    get value() {
      return current;
    },
    push(value, share = 1) {
      current = current === undefined ? value : current + weight * share * (value - current);
    },
    set(value) {
      current = value;
    },
  };
}

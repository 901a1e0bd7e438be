/** A moving average that forgets: each new value weighs `weight`, all earlier ones share the rest. */

export interface Average {
  /** `undefined` until the first value. */
  readonly value: number | undefined;
  push(value: number): void;
}

/** @param weight of the newest value, between 0 and 1: 0.5 follows in two or three values, 0.1 in twenty. */
export function createAverage(weight: number): Average {
  let current: number | undefined;
  return {
    get value() {
      return current;
    },
    push(value) {
      current = current === undefined ? value : current + weight * (value - current);
    },
  };
}

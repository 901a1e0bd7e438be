/** Labels in a column: each as near to its place as the others let it. */

export interface LabelSpace {
  readonly gap: number;
  readonly least: number;
  readonly most: number;
}

/** Places in the order given, at least `gap` apart, from `least` to `most` where there is room for all. */
export function placeLabels(wanted: readonly number[], { gap, least, most }: LabelSpace): readonly number[] {
  const order = [...wanted.keys()].sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0) || a - b);
  const placed = wanted.map(() => least);
  let next = least;
  for (const index of order) {
    placed[index] = Math.max(next, wanted[index] ?? 0);
    next = (placed[index] ?? 0) + gap;
  }
  // What was pushed out at the end is pushed back, the last one first.
  let last = most;
  for (const index of order.toReversed()) {
    placed[index] = Math.min(last, placed[index] ?? 0);
    last = (placed[index] ?? 0) - gap;
  }
  return placed;
}

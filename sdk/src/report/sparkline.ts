/** A line of bars for a terminal. */

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

export interface SparklineOptions {
  /** Characters; fewer when there are fewer values. @default 72 */
  readonly width?: number;
}

/**
 * One bar for a stretch of values: its smallest, on a logarithmic scale from the smallest to the largest of all.
 * A stretch in which nothing is known is a space.
 */
export function sparkline(values: readonly (number | null)[], { width = 72 }: SparklineOptions = {}): string {
  const columns = stretches(values, Math.min(width, values.length)).map(smallest);
  const known = columns.filter((value) => value !== null).map(Math.log);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const bar = (value: number) => {
    const share = high > low ? (Math.log(value) - low) / (high - low) : 0;
    return BARS[Math.round(share * (BARS.length - 1))] ?? BARS[0];
  };
  return columns.map((value) => (value === null ? ' ' : bar(value))).join('');
}

/** Where under a sparkline of the same width a mark belongs, for values that are marked. */
export function sparkMarks(
  marked: readonly boolean[],
  mark: string,
  { width = 72 }: SparklineOptions = {},
): string {
  const columns = stretches(marked, Math.min(width, marked.length));
  return columns
    .map((column) => (column.some(Boolean) ? mark : ' '))
    .join('')
    .trimEnd();
}

function stretches<T>(values: readonly T[], count: number): readonly (readonly T[])[] {
  return Array.from({ length: count }, (_, i) =>
    values.slice(Math.floor((i * values.length) / count), Math.floor(((i + 1) * values.length) / count)),
  );
}

function smallest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null && value > 0) as number[];
  return known.length === 0 ? null : Math.min(...known);
}

/** A link that plays a trace: a transfer takes as long as the varying rate needs for its bytes. After its end it begins anew. */
import type { TraceSample } from './trace-file.ts';

export interface TraceLink {
  /** Of one round of the trace. */
  readonly durationMs: number;
  bitsPerSecondAt(atMs: number): number;
  /** When the last of so many bytes has left, the first leaving at `startMs`. O(log n). */
  finishMs(startMs: number, bytes: number): number;
}

/** @param scale by which every rate is multiplied. @default 1 */
export function createTraceLink(samples: readonly TraceSample[], scale = 1): TraceLink {
  const startsMs = samples.map(({ atMs }) => atMs - (samples[0]?.atMs ?? 0));
  const bitsPerMs = samples.map(({ bitsPerSecond }) => (bitsPerSecond * scale) / 1000);
  // The last sample holds for as long as they do on average.
  const durationMs = ((startsMs.at(-1) ?? 0) * samples.length) / Math.max(1, samples.length - 1);
  const bitsBefore = [0];
  for (const [i, rate] of bitsPerMs.entries()) {
    const heldMs = (startsMs[i + 1] ?? durationMs) - (startsMs[i] ?? 0);
    bitsBefore.push((bitsBefore[i] ?? 0) + rate * heldMs);
  }
  const bitsInAll = bitsBefore.at(-1) ?? 0;
  const bitsAt = (atMs: number) => {
    const rounds = Math.floor(atMs / durationMs);
    const insideMs = atMs - rounds * durationMs;
    const i = lastNotAbove(startsMs, insideMs);
    const sinceMs = insideMs - (startsMs[i] ?? 0);
    return rounds * bitsInAll + (bitsBefore[i] ?? 0) + (bitsPerMs[i] ?? 0) * sinceMs;
  };
  return {
    durationMs,
    bitsPerSecondAt: (atMs) => 1000 * (bitsPerMs[lastNotAbove(startsMs, atMs % durationMs)] ?? 0),
    finishMs(startMs, bytes) {
      if (bytes <= 0) return startMs;
      const wanted = bitsAt(startMs) + bytes * 8;
      const rounds = Math.floor(wanted / bitsInAll);
      const inside = wanted - rounds * bitsInAll;
      const i = Math.min(lastNotAbove(bitsBefore, inside), bitsPerMs.length - 1);
      const restMs = (inside - (bitsBefore[i] ?? 0)) / (bitsPerMs[i] || 1);
      return Math.max(startMs, rounds * durationMs + (startsMs[i] ?? 0) + restMs);
    },
  };
}

/** Place of the last of rising values that is not above `value`; of equal ones the last. */
function lastNotAbove(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((values[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

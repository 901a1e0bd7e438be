/** Measures a model on this machine: the whole, and head and tail of each cut, as real segments in real sessions. */
import type { Clock } from '../clock.ts';
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import type { Timing } from '../planner/profile.ts';
import type { Executor, ExecutorRequest, ExecutorResult } from '../runtime/executor/executor.ts';
import type { Tensors } from '../tensor.ts';

export interface MeasureRequest {
  readonly executor: Executor;
  readonly clock: Clock;
  /** Cuts of the executor to time. @default all of them */
  readonly cuts?: readonly Cut[];
  readonly feeds: Tensors;
  /** The model's outputs. */
  readonly fetches: readonly string[];
  /** Rounds that are not counted. @default 3 */
  readonly warmUp?: number;
  /** Rounds that are. Minimum 1. @default 15 */
  readonly rounds?: number;
  /**
   * How long the machine is idle before a run, in milliseconds. One that has just worked may be twice as fast as one that
   * has waited for a camera or a link. @default not at all
   */
  pauseMs?(part: 'whole' | 'head' | 'tail', cut: Cut | undefined): number;
  readonly signal?: AbortSignal;
}

export interface CutTimings {
  readonly cut: Cut;
  readonly head: Timing;
  readonly tail: Timing;
}

export interface MeasuredModel {
  readonly whole: Timing;
  readonly cuts: readonly CutTimings[];
}

/**
 * Every round runs everything once, in an order that turns round every second time: what drifts (heat, other programs)
 * then drifts for all alike.
 * @throws SplitError `options-invalid`, and what the executor throws
 */
export async function measureModel(request: MeasureRequest): Promise<MeasuredModel> {
  const { executor, cuts = executor.cuts, warmUp = 3, rounds = 15 } = request;
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new SplitError('options-invalid', `rounds is ${rounds}; expected 1 or more`);
  const jobs = [undefined, ...cuts].map((cut) => ({ cut, headMs: [] as number[], tailMs: [] as number[] }));
  for (let round = -warmUp; round < rounds; round++) {
    for (const job of round % 2 === 0 ? jobs : jobs.toReversed()) {
      const times = await timeOnce(request, job.cut);
      if (round < 0) continue;
      job.headMs.push(times.headMs);
      job.tailMs.push(times.tailMs);
    }
  }
  const [whole, ...parts] = jobs;
  return {
    whole: timingOf(whole?.headMs ?? []),
    cuts: parts.flatMap(({ cut, headMs, tailMs }) =>
      cut ? [{ cut, head: timingOf(headMs), tail: timingOf(tailMs) }] : [],
    ),
  };
}

type TimedResult = ExecutorResult & { readonly ms: number };

/** As a session and a gateway wait for it, so with tensors handed over. Without a cut the whole model is the head. */
async function timeOnce(
  { executor, clock, feeds, fetches, pauseMs, signal }: MeasureRequest,
  cut: Cut | undefined,
): Promise<{ headMs: number; tailMs: number }> {
  const timed = async (name: 'whole' | 'head' | 'tail', part: ExecutorRequest): Promise<TimedResult> => {
    const idleMs = pauseMs?.(name, cut) ?? 0;
    if (idleMs > 0) await clock.sleep(idleMs, signal);
    const startMs = clock.nowMs();
    const result = await executor.run({ ...part, signal });
    return { ...result, ms: clock.nowMs() - startMs };
  };
  if (!cut) return { headMs: (await timed('whole', { feeds, fetches })).ms, tailMs: 0 };
  const inTail = fetches.filter((name) => !cut.headOutputs.includes(name));
  const head = await timed('head', { to: cut, feeds, fetches: cut.tensors.map(({ name }) => name) });
  const tail = await timed('tail', { from: cut, feeds: head.values, fetches: inTail });
  return { headMs: head.ms, tailMs: tail.ms };
}

/** Median and distance between the quartiles. */
export function timingOf(ms: readonly number[]): Timing {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(place)] ?? 0, sorted[Math.ceil(place)] ?? 0];
    return low + (high - low) * (place - Math.floor(place));
  };
  return { medianMs: at(0.5), spreadMs: at(0.75) - at(0.25), runs: ms.length, isGuess: false };
}

/** A time that was not measured. */
export function guessedTiming(ms: number): Timing {
  return { medianMs: ms, spreadMs: 0, runs: 0, isGuess: true };
}

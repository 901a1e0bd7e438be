/** The answer from the device: the whole model, or what is left of it after a head that has already run. */
import type { ErrorCode } from '../errors.ts';
import type { Arm, SplitArm } from '../planner/arm.ts';
import type { ExecutorResult } from '../runtime/executor/executor.ts';
import type { Tensors } from '../tensor.ts';
import type { FrontierValues } from './frontier-frames.ts';
import type { Timed } from './pace.ts';
import type { SessionParts } from './parts.ts';
import type { RunArguments } from './run-arguments.ts';
import { makeTrace, NO_STAGES, type Trace } from './trace.ts';

export interface Answer {
  readonly outputs: Tensors;
  readonly trace: Trace;
}

/** Edge-only: every node on the device. */
export async function runLocal(parts: SessionParts, args: RunArguments, arm: Arm): Promise<Answer> {
  const { feeds, fetches, options } = args;
  const run = await parts.pace.stage(
    'model',
    () => parts.executor.run({ feeds, fetches, ...signalOf(options) }),
    options.signal,
  );
  const stages = { ...NO_STAGES, headMs: run.elapsedMs };
  parts.controller.observe({ arm, stages }, parts.clock.nowMs());
  return { outputs: run.value.values, trace: makeTrace(arm, stages, { totalMs: run.elapsedMs }) };
}

/** A head that has run, kept so that the device can go on from it. */
export interface HeadInHand extends FrontierValues {
  readonly startMs: number;
}

/**
 * The cloud is late or did not answer: the device goes on where its head ended, so that nothing is computed twice.
 * @param stop fires when nobody needs the answer any more: what has not begun then never does
 */
export async function finishLocally(
  parts: SessionParts,
  args: RunArguments,
  failed: { readonly arm: SplitArm; readonly head: HeadInHand; readonly reason: ErrorCode },
  stop?: AbortSignal,
): Promise<Answer> {
  const { arm, head, reason } = failed;
  const { value } = await runRest(parts, args, { arm, head }, stop);
  // Waiting for the cloud is part of what the caller waited for.
  const totalMs = parts.clock.nowMs() - head.startMs;
  const trace = makeTrace(arm, { ...NO_STAGES, headMs: totalMs }, { totalMs, reason });
  return { outputs: value.values, trace };
}

/** What is left of the model after a head; its own time. A head that gave bytes is computed again: the answer is the model's. */
export function runRest(
  { executor, pace }: SessionParts,
  args: RunArguments,
  { arm, head }: { readonly arm: SplitArm; readonly head: FrontierValues },
  stop?: AbortSignal,
): Promise<Timed<ExecutorResult>> {
  const { signal } = args.options;
  const isKept = arm.cut.position > 0 && head.quantised === undefined;
  const from = isKept ? { from: arm.cut } : {};
  const feeds = { ...args.feeds, ...head.values };
  const run = () => executor.run({ ...from, feeds, fetches: args.fetches, ...signalOf(args.options) });
  return pace.stage('model', run, eitherSignal(signal, stop));
}

export function eitherSignal(
  one: AbortSignal | undefined,
  other: AbortSignal | undefined,
): AbortSignal | undefined {
  return one && other ? AbortSignal.any([one, other]) : (one ?? other);
}

export function signalOf(options: { readonly signal?: AbortSignal }): { readonly signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal };
}

/** The answer from the device: the whole model, or what is left of it after a head that has already run. */
import type { ErrorCode } from '../errors.ts';
import type { Arm, SplitArm } from '../planner/arm.ts';
import type { Tensors } from '../tensor.ts';
import type { FrontierValues } from './frontier-frames.ts';
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
 * The cloud did not answer: the device goes on where its head ended, so that nothing is computed twice. A head that gave
 * bytes instead of floats is computed again: the answer is the model's own.
 */
export async function finishLocally(
  parts: SessionParts,
  args: RunArguments,
  failed: { readonly arm: SplitArm; readonly head: HeadInHand; readonly reason: ErrorCode },
): Promise<Answer> {
  const { arm, head, reason } = failed;
  const isKept = arm.cut.position > 0 && head.quantised === undefined;
  const from = isKept ? { from: arm.cut } : {};
  const feeds = { ...args.feeds, ...head.values };
  const run = () => parts.executor.run({ ...from, feeds, fetches: args.fetches, ...signalOf(args.options) });
  const { value } = await parts.pace.stage('model', run, args.options.signal);
  // Waiting for the cloud is part of what the caller waited for.
  const totalMs = parts.clock.nowMs() - head.startMs;
  return {
    outputs: value.values,
    trace: makeTrace(arm, { ...NO_STAGES, headMs: totalMs }, { totalMs, reason }),
  };
}

export function signalOf(options: { readonly signal?: AbortSignal }): { readonly signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal };
}

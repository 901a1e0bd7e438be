/**
 * One split request, top to bottom: the head, then the cloud, and where that is late the device beside it. What the cloud
 * is asked stands in ask-cloud.ts; docs/lifecycle.md walks through all.
 */
import { type ErrorCode, SplitError } from '../errors.ts';
import type { SplitArm } from '../planner/arm.ts';
import { askInTurn } from './ask-in-turn.ts';
import { firstAnswer } from './first-answer.ts';
import type { FrontierValues } from './frontier-frames.ts';
import type { Timed } from './pace.ts';
import type { SessionParts } from './parts.ts';
import type { RunArguments } from './run-arguments.ts';
import { headOutputs, runHead, tailFetches } from './run-head.ts';
import { type Answer, eitherSignal, finishLocally } from './run-local.ts';
import { makeTrace, NO_STAGES } from './trace.ts';

export interface SplitPlan {
  readonly arm: SplitArm;
  readonly gateway: string;
  /** When the whole run must have ended, on the session's clock. */
  readonly deadlineAtMs: number;
  /** What the device needs to finish by itself after the cut: it begins that long before the deadline at the latest. */
  readonly localTailMs: number;
  /** After so long without an answer, from the first byte sent, the device goes on beside. @default the deadline alone */
  readonly giveUpAfterMs?: number | undefined;
}

/** @throws SplitError where the cloud does not answer in time and the session has no fallback */
export async function runSplit(parts: SessionParts, args: RunArguments, plan: SplitPlan): Promise<Answer> {
  const startMs = parts.clock.nowMs();
  const { arm } = plan;
  const head = await runHead(parts, args, arm);
  if (tailFetches(args, arm).length === 0) return answerOfHead(args, arm, head);
  let onSending: () => void = () => undefined;
  const sending = new Promise<void>((resolve) => {
    onSending = resolve;
  });
  return firstAnswer({
    cloud(stop) {
      const signal = eitherSignal(args.options.signal, stop);
      const own = { ...args, options: { ...args.options, ...(signal && { signal }) } };
      return askInTurn(parts, own, { ...plan, head, startMs, onSending });
    },
    async late(stop) {
      await sending;
      return lateness(parts, plan, stop);
    },
    mayGoOn: ({ code }) => mayGoOn(parts, code),
    device: ({ code: reason }, stop) =>
      finishLocally(parts, args, { arm, head: { ...head.value, startMs }, reason }, stop),
  });
}

/** The caller's own wish to stop, and a session being closed, are no reason to compute. */
function mayGoOn({ options }: SessionParts, code: ErrorCode): boolean {
  return options.fallback !== 'none' && code !== 'aborted' && code !== 'closed';
}

/** Waits from the first byte sent until the device had better go on; without a fallback for ever. */
async function lateness(
  { clock, options, controller }: SessionParts,
  { arm, deadlineAtMs, localTailMs, giveUpAfterMs }: SplitPlan,
  stop: AbortSignal,
): Promise<SplitError> {
  if (options.fallback === 'none') return new Promise(() => undefined);
  const sentAtMs = clock.nowMs();
  const leftMs = Math.max(0, deadlineAtMs - localTailMs - sentAtMs);
  await clock.sleep(Math.min(leftMs, giveUpAfterMs ?? leftMs), stop);
  const nowMs = clock.nowMs();
  controller.observeSilence(arm, nowMs - sentAtMs, nowMs);
  return new SplitError('deadline-exceeded', `no answer after ${Math.round(nowMs - sentAtMs)} ms`);
}

/** All that was asked for is made before the cut: nothing needs to be sent. */
function answerOfHead(args: RunArguments, arm: SplitArm, head: Timed<FrontierValues>): Answer {
  const { value, elapsedMs } = head;
  const trace = makeTrace(arm, { ...NO_STAGES, headMs: elapsedMs }, { totalMs: elapsedMs });
  return { outputs: headOutputs(value, args), trace };
}

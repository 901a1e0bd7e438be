/**
 * Looking at the link while the device answers by itself: what crosses a cut is sent beside the device's own run, and
 * whichever answers first is the answer. One at a time; a request that is sent in earnest ends it.
 */
import { asSplitError } from '../errors.ts';
import { DEVICE_ARM, type SplitArm } from '../planner/arm.ts';
import { askCloud } from './ask-cloud.ts';
import type { FrontierValues } from './frontier-frames.ts';
import type { Timed } from './pace.ts';
import type { SessionParts } from './parts.ts';
import type { RunArguments } from './run-arguments.ts';
import { runHead, tailFetches } from './run-head.ts';
import { type Answer, runLocal, runRest } from './run-local.ts';
import { makeTrace, NO_STAGES } from './trace.ts';

export interface LinkProbe {
  readonly isUnderWay: boolean;
  /**
   * The device's answer, or the probe's where that comes first. The device's own work is not stopped by that, and what the
   * probe learns goes to the controller either way; that it failed is no failure of anybody's request.
   */
  run(args: RunArguments, plan: ProbePlan): Promise<Answer>;
  /** What is left of it is not sent, and nothing is concluded from that. */
  stop(): void;
}

export interface ProbePlan {
  readonly arm: SplitArm;
  readonly gateway: string;
  /** So long without an answer is a silence; counted from the first byte. */
  readonly giveUpAfterMs: number;
}

interface Begun {
  readonly arm: SplitArm;
  readonly head: Timed<FrontierValues>;
  readonly startMs: number;
}

export function createLinkProbe(parts: SessionParts): LinkProbe {
  const { controller, clock } = parts;
  let current: AbortController | undefined;

  async function run(args: RunArguments, plan: ProbePlan): Promise<Answer> {
    if (current || tailFetches(args, plan.arm).length === 0) return runLocal(parts, args, DEVICE_ARM);
    const own = new AbortController();
    current = own;
    const startMs = clock.nowMs();
    const answered = new AbortController();
    try {
      const head = await runHead(parts, args, plan.arm, { isKeptExact: true });
      const begun = { arm: plan.arm, head, startMs };
      const asked = ask(args, plan, begun, own);
      return await Promise.race([asked, goOn(args, begun, answered.signal)]);
    } catch (error) {
      own.abort();
      end(own);
      throw error;
    } finally {
      answered.abort();
    }
  }

  /** Never ends where no answer comes: a silence was told to the controller where it was noticed. */
  async function ask(
    args: RunArguments,
    { gateway, giveUpAfterMs }: ProbePlan,
    begun: Begun,
    own: AbortController,
  ): Promise<Answer> {
    // The caller's own signal ends the device's run, and with it this request; what the probe learns is worth having.
    const options = { ...args.options, signal: own.signal };
    const limits = { deadlineAtMs: Number.POSITIVE_INFINITY, answerWithinMs: giveUpAfterMs };
    try {
      return await askCloud(parts, { ...args, options }, { ...begun, ...limits, gateway });
    } catch (error) {
      asSplitError(error);
      return new Promise(() => undefined);
    } finally {
      end(own);
    }
  }

  /** The whole model on the device, of which the head has run. */
  async function goOn(args: RunArguments, { arm, head, startMs }: Begun, stop: AbortSignal): Promise<Answer> {
    const rest = await runRest(parts, args, { arm, head: head.value }, stop);
    const headMs = arm.cut.position === 0 ? rest.elapsedMs : head.elapsedMs + rest.elapsedMs;
    const stages = { ...NO_STAGES, headMs };
    controller.observe({ arm: DEVICE_ARM, stages }, clock.nowMs());
    const totalMs = clock.nowMs() - startMs;
    return { outputs: rest.value.values, trace: makeTrace(DEVICE_ARM, stages, { totalMs }) };
  }

  function end(own: AbortController): void {
    if (current === own) current = undefined;
  }

  return {
    get isUnderWay() {
      return current !== undefined;
    },
    run,
    stop() {
      current?.abort();
      current = undefined;
    },
  };
}

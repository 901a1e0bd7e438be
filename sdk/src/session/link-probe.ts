/**
 * Looking at the link while the device answers by itself: what crosses a cut is sent beside the answer, and nobody waits
 * for what comes back. One at a time; a request that is sent in earnest ends it.
 */
import { asSplitError } from '../errors.ts';
import type { SplitArm } from '../planner/arm.ts';
import type { Tensors } from '../tensor.ts';
import { encodeFrontier } from './frontier-frames.ts';
import type { SessionParts } from './parts.ts';
import type { RunArguments } from './run-arguments.ts';
import { decodeStage, observeReply, sendFrames, tailFetches } from './run-split.ts';

export interface LinkProbe {
  readonly isUnderWay: boolean;
  /** Returns at once. What it learns goes to the controller; that it failed is no failure of anybody's request. */
  send(args: RunArguments, plan: ProbePlan): void;
  /** What is left of it is not sent, and nothing is concluded from that. */
  stop(): void;
}

export interface ProbePlan {
  readonly arm: SplitArm;
  readonly gateway: string;
  /** What crosses the arm's cut. */
  readonly values: Tensors;
  /** So long without an answer is a silence; counted from the first byte. */
  readonly giveUpAfterMs: number;
}

export function createLinkProbe(parts: SessionParts): LinkProbe {
  let current: AbortController | undefined;

  async function probe(args: RunArguments, plan: ProbePlan, signal: AbortSignal): Promise<void> {
    const { codec, pace, clock } = parts;
    const { images } = args.options;
    const encode = () => encodeFrontier(codec, plan.arm, { values: plan.values }, { images });
    const frames = await pace.stage('codec', encode, signal);
    const own: RunArguments = { ...args, options: { signal } };
    const deadlineAtMs = clock.nowMs() + plan.giveUpAfterMs;
    const reply = await sendFrames(
      parts,
      own,
      { ...plan, deadlineAtMs, localTailMs: 0 },
      frames.value.frames,
    );
    const decoded = await decodeStage(parts, own, reply);
    if (signal.aborted) return;
    const times = { headMs: expectedHeadMs(parts, plan.arm), encodeMs: frames.elapsedMs };
    observeReply(parts, plan.arm, { ...times, decodeMs: decoded.elapsedMs }, reply);
  }

  return {
    get isUnderWay() {
      return current !== undefined;
    },
    send(args, plan) {
      if (current || tailFetches(args, plan.arm).length === 0) return;
      const own = new AbortController();
      current = own;
      const end = () => {
        if (current === own) current = undefined;
      };
      // A silence was told to the controller where it was noticed; other errors say nothing of the link.
      probe(args, plan, own.signal).then(end, (error: unknown) => {
        asSplitError(error);
        end();
      });
    },
    stop() {
      current?.abort();
      current = undefined;
    },
  };
}

/** The head was a part of the device's own run and not timed by itself: its time shall teach nothing. */
function expectedHeadMs({ controller, clock }: SessionParts, arm: SplitArm): number {
  const { deviceSlowdown } = controller.conditions(clock.nowMs());
  return (controller.cost(arm)?.headMs ?? 0) * deviceSlowdown;
}
